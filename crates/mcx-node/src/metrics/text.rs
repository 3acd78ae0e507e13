//! The text format of Prometheus (version 0.0.4). Written here: what a node counts lies in its functions and its store, each in a
//! form of its own, so a library's registry would hold all of it a second time; what is left of it is these lines.

use std::fmt::Write as _;

use mcx_store::Histogram;

/// What a metric is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A number that only grows; its name ends in `_total`.
    Counter,
    /// A number.
    Gauge,
    /// Values counted by size.
    Histogram,
}

/// Metrics as they are written, one after the other.
#[derive(Debug, Default)]
pub struct Text {
    text: String,
    name: &'static str,
}

impl Text {
    /// Begins a metric: its samples follow. `help` is one line.
    pub fn metric(&mut self, name: &'static str, kind: Kind, help: &str) {
        let kind = match kind {
            Kind::Counter => "counter",
            Kind::Gauge => "gauge",
            Kind::Histogram => "histogram",
        };
        self.name = name;
        let _ = writeln!(self.text, "# HELP {name} {help}\n# TYPE {name} {kind}");
    }

    /// A sample of the metric.
    pub fn sample(&mut self, labels: &[(&str, &str)], value: f64) {
        self.line("", labels, value);
    }

    /// A sample that is a count.
    pub fn count(&mut self, labels: &[(&str, &str)], value: u64) {
        self.line("", labels, as_f64(value));
    }

    /// The samples of a histogram.
    pub fn histogram(&mut self, labels: &[(&str, &str)], histogram: &Histogram) {
        for (bound, count) in histogram.buckets() {
            let bound = bound.to_string();
            let with_bound = [labels, &[("le", bound.as_str())]].concat();
            self.line("_bucket", &with_bound, as_f64(count));
        }
        let all = [labels, &[("le", "+Inf")]].concat();
        self.line("_bucket", &all, as_f64(histogram.count()));
        self.line("_sum", labels, histogram.sum());
        self.line("_count", labels, as_f64(histogram.count()));
    }

    /// All of it.
    #[must_use]
    pub fn finish(self) -> String {
        self.text
    }

    fn line(&mut self, suffix: &str, labels: &[(&str, &str)], value: f64) {
        let _ = write!(self.text, "{}{suffix}", self.name);
        for (n, (name, value)) in labels.iter().enumerate() {
            let before = if n == 0 { '{' } else { ',' };
            let _ = write!(self.text, "{before}{name}=\"");
            for c in value.chars() {
                match c {
                    '\\' => self.text.push_str("\\\\"),
                    '"' => self.text.push_str("\\\""),
                    '\n' => self.text.push_str("\\n"),
                    c => self.text.push(c),
                }
            }
            self.text.push('"');
        }
        let end = if labels.is_empty() { "" } else { "}" };
        let _ = writeln!(self.text, "{end} {value}");
    }
}

/// Exact up to 2^53, as the format is.
fn as_f64(value: u64) -> f64 {
    let high = u32::try_from(value >> 32).unwrap_or(u32::MAX);
    let low = u32::try_from(value & 0xffff_ffff).unwrap_or(u32::MAX);
    f64::from(high) * 4_294_967_296.0 + f64::from(low)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn samples_are_lines_and_labels_are_escaped() {
        let mut text = Text::default();
        text.metric("mcx_x_total", Kind::Counter, "Of x.");
        text.count(&[], u64::from(u32::MAX) + 2);
        text.sample(&[("a", "q\"\\\n"), ("b", "c")], 0.25);
        assert_eq!(
            text.finish(),
            "# HELP mcx_x_total Of x.\n# TYPE mcx_x_total counter\nmcx_x_total 4294967297\n\
             mcx_x_total{a=\"q\\\"\\\\\\n\",b=\"c\"} 0.25\n"
        );
    }

    #[test]
    fn a_histogram_has_its_buckets_sum_and_count() {
        let mut histogram = Histogram::new(&[0.5]);
        histogram.add(0.5);
        histogram.add(2.0);
        let mut text = Text::default();
        text.metric("mcx_h", Kind::Histogram, "H.");
        text.histogram(&[], &histogram);
        let text = text.finish();
        for line in [
            "mcx_h_bucket{le=\"0.5\"} 1\n",
            "mcx_h_bucket{le=\"+Inf\"} 2\n",
            "mcx_h_sum 2.5\n",
            "mcx_h_count 2\n",
        ] {
            assert!(text.contains(line), "{text}");
        }
    }
}
