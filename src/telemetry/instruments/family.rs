//! The description of a metric family, and how it is registered. The families themselves are in
//! [`families`](super::families).

use prometheus::{
    HistogramOpts, HistogramVec, IntCounter, IntCounterVec, IntGauge, IntGaugeVec, Opts, Registry,
};

/// The Prometheus type of a family.
#[derive(Clone, Copy, Debug)]
pub enum MetricKind {
    Counter,
    Gauge,
    /// With these upper bounds of buckets.
    Histogram(&'static [f64]),
}

/// The values that a label can have.
#[derive(Clone, Copy, Debug)]
pub enum LabelValues {
    Fixed(&'static [&'static str]),
    /// A bounded set that is not known here; the text describes it.
    Bounded(&'static str),
}

/// A metric family.
#[derive(Clone, Copy, Debug)]
pub struct MetricFamily {
    pub name: &'static str,
    pub help: &'static str,
    pub kind: MetricKind,
    pub labels: &'static [(&'static str, LabelValues)],
}

/// Describes a metric family.
pub(super) const fn family(
    name: &'static str,
    kind: MetricKind,
    labels: &'static [(&'static str, LabelValues)],
    help: &'static str,
) -> MetricFamily {
    MetricFamily { name, help, kind, labels }
}

impl MetricFamily {
    /// Registers the counter of a family without labels.
    pub(super) fn counter(&self, registry: &Registry) -> Result<IntCounter, prometheus::Error> {
        Ok(self.counters(registry)?.with_label_values::<&str>(&[]))
    }

    /// Registers the gauge of a family without labels.
    pub(super) fn gauge(&self, registry: &Registry) -> Result<IntGauge, prometheus::Error> {
        Ok(self.gauges(registry)?.with_label_values::<&str>(&[]))
    }

    /// Registers the counters of this family.
    pub(super) fn counters(&self, registry: &Registry) -> Result<IntCounterVec, prometheus::Error> {
        let counters = IntCounterVec::new(self.options(), &self.label_names())?;
        registry.register(Box::new(counters.clone()))?;
        for values in self.label_combinations() {
            counters.with_label_values(&values);
        }
        Ok(counters)
    }

    /// Registers the gauges of this family.
    pub(super) fn gauges(&self, registry: &Registry) -> Result<IntGaugeVec, prometheus::Error> {
        let gauges = IntGaugeVec::new(self.options(), &self.label_names())?;
        registry.register(Box::new(gauges.clone()))?;
        for values in self.label_combinations() {
            gauges.with_label_values(&values);
        }
        Ok(gauges)
    }

    /// Registers the histograms of this family.
    pub(super) fn histograms(
        &self,
        registry: &Registry,
    ) -> Result<HistogramVec, prometheus::Error> {
        let MetricKind::Histogram(buckets) = self.kind else {
            return Err(prometheus::Error::Msg(format!("{} is no histogram", self.name)));
        };
        let options = HistogramOpts::new(self.name, self.help).buckets(buckets.to_vec());
        let histograms = HistogramVec::new(options, &self.label_names())?;
        registry.register(Box::new(histograms.clone()))?;
        for values in self.label_combinations() {
            histograms.with_label_values(&values);
        }
        Ok(histograms)
    }

    fn options(&self) -> Opts {
        Opts::new(self.name, self.help)
    }

    fn label_names(&self) -> Vec<&'static str> {
        self.labels.iter().map(|(name, _)| *name).collect()
    }

    /// Returns all combinations of label values: none if a label is not fixed, one empty
    /// combination without labels.
    fn label_combinations(&self) -> Vec<Vec<&'static str>> {
        self.labels.iter().fold(vec![Vec::new()], |before, (_, values)| match values {
            LabelValues::Fixed(values) => before
                .iter()
                .flat_map(|start| values.iter().map(|value| [&start[..], &[*value]].concat()))
                .collect(),
            LabelValues::Bounded(_) => Vec::new(),
        })
    }
}
