//! The method of a request as its client sent it, where a handler needs it.

/// Marks a request of HEAD, which is routed like GET.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HeadRequest;
