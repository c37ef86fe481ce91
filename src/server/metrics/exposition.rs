//! `GET /metrics`: every metric with its name, unit and help, as OpenMetrics 1.0 or as Prometheus' text 0.0.4.

use std::fmt;
use std::sync::Arc;

use axum::extract::State;
use axum::http::{HeaderMap, header};
use axum::response::{IntoResponse, Response};
use prometheus_client::collector::Collector;
use prometheus_client::encoding::{
    DescriptorEncoder, EncodeCounterValue, EncodeGaugeValue, EncodeLabelSet, NoLabelSet, prometheus_text,
    text,
};
use prometheus_client::metrics::MetricType;
use prometheus_client::registry::{Registry, Unit};

use crate::api::{Kind, Problem, Stage, Unit as Counted};
use crate::server::lane::Lane;
use crate::server::negotiate;
use crate::server::service::{self, Service};
use crate::server::spans::Counts;

use super::histogram::Histogram;
use super::process::Process;

const NO_LABELS: [(&str, &str); 0] = [];
const OPEN_METRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// Answers with the metrics as they are now.
pub async fn metrics(State(service): State<Arc<Service>>, headers: HeaderMap) -> Result<Response, Problem> {
    let mut registry = Registry::default();
    registry.register_collector(Box::new(Now(service)));
    let mut body = String::new();
    let (content_type, written) = if negotiate::wants_open_metrics(&headers) {
        (OPEN_METRICS, text::encode(&mut body, &registry))
    } else {
        (prometheus_text::CONTENT_TYPE, prometheus_text::encode(&mut body, &registry))
    };
    written.map_err(|_| Problem::new(Kind::INTERNAL, "The metrics could not be written."))?;
    Ok(([(header::CONTENT_TYPE, content_type)], body).into_response())
}

type OfLane = fn(&Lane) -> usize;

/// The metrics of a service, read when they are written.
#[derive(Debug)]
struct Now(Arc<Service>);

impl Collector for Now {
    fn encode(&self, encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let mut writer = Writer(encoder);
        self.requests(&mut writer)?;
        self.lanes(&mut writer)?;
        self.work(&mut writer)?;
        self.memory(&mut writer)?;
        self.spans(&mut writer)?;
        self.state(&mut writer)?;
        Process::now().map_or(Ok(()), |process| of_process(process, &mut writer))
    }
}

impl Now {
    fn requests(&self, writer: &mut Writer<'_>) -> fmt::Result {
        let requests = &self.0.requests;
        let durations: Vec<_> = requests
            .durations()
            .map(|(route, status, durations)| {
                ([("route", route.to_owned()), ("status", status.to_string())], durations)
            })
            .collect();
        let counts = durations.iter().map(|(labels, durations)| (labels, durations.count()));
        writer.counters(
            "gradd_http_requests",
            "Requests answered, by the pattern of their path and by status; 499: the client was gone.",
            None,
            counts,
        )?;
        writer.histograms(
            "gradd_http_request_duration",
            "Time from the head of a request to the end of its answer.",
            durations.iter().map(|(labels, durations)| (labels, *durations)),
        )?;
        writer.gauge(
            "gradd_http_requests_in_flight",
            "Requests that are not yet answered in full.",
            None,
            requests.in_flight(),
        )?;
        let problems: Vec<_> = requests.problems().map(|(kind, count)| ([("type", kind)], count)).collect();
        writer.counters(
            "gradd_problems",
            "Problems that were answered, by the last segment of their type.",
            None,
            problems.iter().map(|(labels, count)| (labels, *count)),
        )?;
        let stopped: Vec<_> =
            requests.cancellations().map(|(why, count)| ([("reason", why)], count)).collect();
        writer.counters(
            "gradd_cancellations",
            "Requests that were stopped before their answer was complete.",
            None,
            stopped.iter().map(|(labels, count)| (labels, *count)),
        )
    }

    fn lanes(&self, writer: &mut Writer<'_>) -> fmt::Result {
        let lanes = self.0.workers.lanes().map(|(name, lane)| ([("lane", name)], lane));
        let gauges: [(&str, &str, OfLane); 4] = [
            ("gradd_compute_slots", "Computations that a lane runs at the same time, at most.", |lane| {
                lane.load().total
            }),
            ("gradd_compute_slots_in_use", "Computations that a lane runs now.", |lane| lane.load().running),
            ("gradd_queue_places", "Requests that may wait for a lane.", Lane::queue),
            ("gradd_queue_waiting", "Requests that wait for a lane now.", |lane| lane.load().waiting),
        ];
        for (name, help, value) in gauges {
            writer.gauges(name, help, None, lanes.iter().map(|(labels, lane)| (labels, value(lane))))?;
        }
        writer.histograms(
            "gradd_queue_wait",
            "Time that requests waited for a slot of a lane.",
            lanes.iter().map(|(labels, lane)| (labels, lane.waits())),
        )?;
        writer.histograms(
            "gradd_compute_slot_held",
            "Time that computations kept a slot of a lane.",
            lanes.iter().map(|(labels, lane)| (labels, lane.holds())),
        )
    }

    fn work(&self, writer: &mut Writer<'_>) -> fmt::Result {
        let done = self.0.workers.done();
        let seconds = Stage::ALL.map(|stage| ([("stage", stage.name())], done.time_in(stage).as_secs_f64()));
        writer.counters(
            "gradd_stage",
            "Time that computations spent in each stage, from waiting for a slot to writing the answer.",
            Some(Unit::Seconds),
            seconds.iter().map(|(labels, seconds)| (labels, *seconds)),
        )?;
        for (unit, name, help) in [
            (Counted::Nodes, "gradd_nodes", "Nodes of the graphs that were computed."),
            (
                Counted::Samples,
                "gradd_samples",
                "Samples of batches and rows of data sets that were computed.",
            ),
            (Counted::Steps, "gradd_steps", "Optimizer steps, and evaluations of fits."),
        ] {
            writer.counters(name, help, None, [(&NO_LABELS, done.count_of(unit))])?;
        }
        Ok(())
    }

    fn memory(&self, writer: &mut Writer<'_>) -> fmt::Result {
        let budgets = [("bodies", &self.0.budget), ("computations", self.0.workers.memory())]
            .map(|(name, budget)| ([("for", name)], budget));
        writer.gauges(
            "gradd_memory_promised",
            "Memory that is promised to requests.",
            Some(Unit::Bytes),
            budgets.iter().map(|(labels, budget)| (labels, budget.promised())),
        )?;
        writer.gauges(
            "gradd_memory_limit",
            "Memory that may be promised to requests.",
            Some(Unit::Bytes),
            budgets.iter().map(|(labels, budget)| (labels, budget.total())),
        )
    }

    fn spans(&self, writer: &mut Writer<'_>) -> fmt::Result {
        let none = Counts::default();
        let counts = self.0.spans.as_ref().map_or(&none, |spans| spans.counts());
        let outcomes = counts.outcomes().map(|(outcome, count)| ([("outcome", outcome)], count));
        writer.counters(
            "gradd_spans",
            "Spans for the collector of traces: exported, failed to be, or dropped as too many waited.",
            None,
            outcomes.iter().map(|(labels, count)| (labels, *count)),
        )
    }

    fn state(&self, writer: &mut Writer<'_>) -> fmt::Result {
        let ready = u64::from(self.0.drain.check().is_ok());
        writer.gauge(
            "gradd_ready",
            "1 while new computations are taken, 0 while the server drains.",
            None,
            ready,
        )?;
        let build = [("version", service::VERSION), ("commit", service::COMMIT.unwrap_or_default())];
        writer
            .0
            .encode_descriptor("gradd_build", "What is running.", None, MetricType::Info)?
            .encode_info(&build)
    }
}

fn of_process(process: Process, writer: &mut Writer<'_>) -> fmt::Result {
    let cpu = [(&NO_LABELS, process.cpu_seconds)];
    writer.counters("process_cpu", "Processor time, of user and system.", Some(Unit::Seconds), cpu)?;
    let (seconds, bytes) = (Some(Unit::Seconds), Some(Unit::Bytes));
    writer.gauge("process_start_time", "When the process began, since 1970.", seconds, process.start_time)?;
    writer.gauge("process_resident_memory", "Memory in use.", bytes.clone(), process.resident_bytes)?;
    writer.gauge("process_virtual_memory", "Address space in use.", bytes, process.virtual_bytes)?;
    writer.gauge("process_threads", "Threads.", None, process.threads)?;
    writer.gauge("process_open_fds", "Open file descriptors.", None, process.open_fds)?;
    writer.gauge("process_max_fds", "Open file descriptors that are allowed.", None, process.max_fds)
}

/// Writes families of metrics, whatever the format.
struct Writer<'e>(DescriptorEncoder<'e>);

impl Writer<'_> {
    fn counters<'l, L: EncodeLabelSet + 'l, V: EncodeCounterValue>(
        &mut self,
        name: &str,
        help: &str,
        unit: Option<Unit>,
        values: impl IntoIterator<Item = (&'l L, V)>,
    ) -> fmt::Result {
        let mut family = self.0.encode_descriptor(name, help, unit.as_ref(), MetricType::Counter)?;
        values.into_iter().try_for_each(|(labels, value)| {
            family.encode_family(labels)?.encode_counter::<NoLabelSet, _, f64>(&value, None)
        })
    }

    fn gauges<'l, L: EncodeLabelSet + 'l, V: EncodeGaugeValue>(
        &mut self,
        name: &str,
        help: &str,
        unit: Option<Unit>,
        values: impl IntoIterator<Item = (&'l L, V)>,
    ) -> fmt::Result {
        let mut family = self.0.encode_descriptor(name, help, unit.as_ref(), MetricType::Gauge)?;
        values.into_iter().try_for_each(|(labels, value)| family.encode_family(labels)?.encode_gauge(&value))
    }

    fn gauge(
        &mut self,
        name: &str,
        help: &str,
        unit: Option<Unit>,
        value: impl EncodeGaugeValue,
    ) -> fmt::Result {
        self.gauges(name, help, unit, [(&NO_LABELS, value)])
    }

    fn histograms<'l, L: EncodeLabelSet + 'l>(
        &mut self,
        name: &str,
        help: &str,
        values: impl IntoIterator<Item = (&'l L, &'l Histogram)>,
    ) -> fmt::Result {
        let mut family = self.0.encode_descriptor(name, help, Some(&Unit::Seconds), MetricType::Histogram)?;
        values.into_iter().try_for_each(|(labels, histogram)| histogram.encode(family.encode_family(labels)?))
    }
}
