//! What the sanitiser removes from a rich text, in words for the client. The text is read with the
//! tokenizer of the parser that the sanitiser uses; what is allowed is in `rich_text`, what is
//! markup at all in `markup`. Messages contain names from closed lists only, never a part of the
//! text.

use std::borrow::Cow;
use std::cell::RefCell;

use html5ever::tendril::StrTendril;
use html5ever::tokenizer::states::{Rawtext, Rcdata, ScriptData};
use html5ever::tokenizer::{
    BufferQueue, Tag, TagKind, Token, TokenSink, TokenSinkResult, Tokenizer, TokenizerOpts,
};
use html5ever::{Attribute, LocalName};

use super::markup::{escape_placeholders, is_element_name};
use super::rich_text::{CONTENT_REMOVED, MAX_CHARS, is_allowed_url};
use super::sanitised::{ELEMENTS, LINK_REL};

/// Attributes whose names are repeated in messages.
const ATTRIBUTES: &str = " \
    align alt aria-label background bgcolor border class color colspan contenteditable data dir \
    face height hidden href hreflang id lang name onabort onblur onchange onclick onerror \
    onfocus oninput onkeydown onkeyup onload onmousedown onmousemove onmouseout onmouseover \
    onmouseup onresize onscroll onsubmit onunload ping referrerpolicy rel role rowspan size src \
    srcset style tabindex target title translate type valign value width xmlns ";

/// Returns what sanitising a text removes, each thing once. Escaping removes nothing.
pub(super) fn removed_markup(text: &str) -> Vec<Cow<'static, str>> {
    // A text that is too long is refused, not sanitised.
    if !text.contains('<') || text.chars().count() > MAX_CHARS {
        return Vec::new();
    }
    let input = BufferQueue::default();
    input.push_back(StrTendril::from_slice(&escape_placeholders(text.trim())));
    let tokenizer = Tokenizer::new(RemovedMarkup::default(), TokenizerOpts::default());
    while !input.is_empty() {
        // The only other result is a pause for scripts, which this sink never requests.
        let _ = tokenizer.feed(&input);
    }
    tokenizer.end();
    tokenizer.sink.found.into_inner()
}

#[derive(Default)]
struct RemovedMarkup {
    found: RefCell<Vec<Cow<'static, str>>>,
    /// The element that is removed with its content, and how many of this name are open.
    inside: RefCell<Option<(LocalName, usize)>>,
}

impl TokenSink for RemovedMarkup {
    type Handle = ();

    fn process_token(&self, token: Token, _line: u64) -> TokenSinkResult<()> {
        match token {
            Token::TagToken(tag) if self.inside.borrow().is_some() => self.skip(&tag),
            Token::TagToken(tag) if tag.kind == TagKind::StartTag => return self.open(&tag),
            Token::TagToken(tag) if !tag.attrs.is_empty() => {
                self.add("attributes of a closing tag were removed");
            }
            Token::CommentToken(_) if self.inside.borrow().is_none() => {
                self.add("a comment was removed");
            }
            Token::DoctypeToken(_) => self.add("a document type was removed"),
            _ => {}
        }
        TokenSinkResult::Continue
    }
}

impl RemovedMarkup {
    fn add(&self, message: impl Into<Cow<'static, str>>) {
        let (message, mut found) = (message.into(), self.found.borrow_mut());
        if !found.contains(&message) {
            found.push(message);
        }
    }

    /// Handles a tag inside of an element that is removed with its content.
    fn skip(&self, tag: &Tag) {
        let mut inside = self.inside.borrow_mut();
        let Some((name, depth)) = inside.as_mut().filter(|(name, _)| *name == tag.name) else {
            return;
        };
        *depth = match tag.kind {
            TagKind::StartTag if tag.self_closing && is_foreign(name) => *depth,
            TagKind::StartTag => depth.saturating_add(1),
            TagKind::EndTag => depth.saturating_sub(1),
        };
        if *depth == 0 {
            *inside = None;
        }
    }

    fn open(&self, tag: &Tag) -> TokenSinkResult<()> {
        let name = &*tag.name;
        if ELEMENTS.contains(&name) {
            tag.attrs.iter().for_each(|attribute| self.attribute(name, attribute));
        } else if !is_element_name(name) {
            self.add("an unknown element was removed");
        } else if !CONTENT_REMOVED.contains(&name) || name == "head" {
            // The parser ignores the tags of a head within a text, but not its content.
            self.add(format!("<{name}> was removed"));
        } else {
            self.add(format!("<{name}> and its content were removed"));
            if !(tag.self_closing && is_foreign(&tag.name)) {
                *self.inside.borrow_mut() = Some((tag.name.clone(), 1));
            }
        }
        content_of(name)
    }

    fn attribute(&self, element: &str, attribute: &Attribute) {
        let (name, value) = (&*attribute.name.local, &*attribute.value);
        match (element, name) {
            ("a", "title") => {}
            ("a", "href") if is_allowed_url(value) => {}
            ("a", "rel") if value == LINK_REL => {}
            ("a", "href") => self.add(
                "attribute href of <a> was removed: it must begin with http:, https: or mailto:",
            ),
            ("a", "rel") => self.add("attribute rel of <a> was replaced"),
            _ if ATTRIBUTES.contains(&format!(" {name} ")) => {
                self.add(format!("attribute {name} of <{element}> was removed"));
            }
            _ => self.add(format!("an unknown attribute of <{element}> was removed")),
        }
    }
}

/// Whether elements of this name may close themselves.
fn is_foreign(name: &LocalName) -> bool {
    matches!(&**name, "svg" | "math")
}

/// Tells the tokenizer how the content of an element is read (HTML Living Standard, 13.4).
fn content_of(element: &str) -> TokenSinkResult<()> {
    match element {
        "title" | "textarea" => TokenSinkResult::RawData(Rcdata),
        "style" | "xmp" | "iframe" | "noembed" | "noframes" | "noscript" => {
            TokenSinkResult::RawData(Rawtext)
        }
        "script" => TokenSinkResult::RawData(ScriptData),
        "plaintext" => TokenSinkResult::Plaintext,
        _ => TokenSinkResult::Continue,
    }
}

#[cfg(test)]
mod tests;
