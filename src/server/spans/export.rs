//! The queue of records, and the task that sends their spans batch by batch.
//!
//! OpenTelemetry's own batch processor queues single spans, so that a full queue tears requests apart, and it does not
//! say how many it has lost. Here whole requests are queued, and what becomes of them is counted.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use opentelemetry::KeyValue;
use opentelemetry_otlp::{
    ExporterBuildError, Protocol, SpanExporter, WithExportConfig as _, WithHttpConfig as _,
};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::trace::SpanExporter as _;
use tokio::sync::mpsc::{self, Receiver, Sender};
use tokio::task::JoinHandle;
use tokio::time::timeout;
use tracing::warn;

use super::client::Client;
use super::record::Record;
use super::tree::Tree;
use crate::server::Settings;
use crate::server::service::VERSION;

/// Requests that may wait to be sent: some megabytes, and a fifth of a second at five thousand requests per second.
const WAITING: usize = 1024;
/// Requests that are sent together: some five hundred spans, which take half a millisecond to write.
const BATCH: usize = 64;
/// How long a request may wait for others to be sent with it.
const DELAY: Duration = Duration::from_secs(1);
/// How long the end of the server may wait for the last spans to be sent.
const FLUSH: Duration = Duration::from_secs(2);

/// What became of spans.
#[derive(Debug, Default)]
pub struct Counts {
    exported: AtomicU64,
    failed: AtomicU64,
    dropped: AtomicU64,
}

impl Counts {
    /// The numbers so far by outcome: taken by the collector, sent without success, and never sent as the queue was full.
    pub fn outcomes(&self) -> [(&'static str, u64); 3] {
        [("exported", &self.exported), ("failed", &self.failed), ("dropped", &self.dropped)]
            .map(|(outcome, count)| (outcome, count.load(Ordering::Relaxed)))
    }
}

#[derive(Debug)]
enum Message {
    Record(Box<Record>),
    /// Nothing more is to be waited for.
    End,
}

/// Where the records of requests go.
#[derive(Debug)]
pub struct Spans {
    queue: Sender<Message>,
    counts: Arc<Counts>,
    /// `None` once somebody waits for its end.
    task: Mutex<Option<JoinHandle<()>>>,
}

impl Spans {
    /// Starts to export, if the settings name a collector. To be called within a runtime.
    ///
    /// # Errors
    /// What the environment says of the export, beside the settings, is not possible.
    pub fn start(settings: &Settings) -> Result<Option<Self>, ExporterBuildError> {
        let Some(endpoint) = settings.otlp_endpoint.traces() else { return Ok(None) };
        let mut exporter = SpanExporter::builder()
            .with_http()
            .with_http_client(Client::default())
            .with_protocol(Protocol::HttpBinary)
            .with_endpoint(endpoint)
            .build()?;
        exporter.set_resource(&resource(settings));
        let scheme = if settings.tls_certificate.as_os_str().is_empty() { "http" } else { "https" };
        let (queue, records) = mpsc::channel(WAITING);
        let counts = Arc::default();
        let task = Export { exporter, tree: Tree::new(scheme), counts: Arc::clone(&counts) };
        let task = Mutex::new(Some(tokio::spawn(task.run(records))));
        Ok(Some(Self { queue, counts, task }))
    }

    /// Queues what is to be told of a request, if there is room.
    pub fn send(&self, record: Record) {
        if let Err(refused) = self.queue.try_send(Message::Record(Box::new(record)))
            && let Message::Record(record) = refused.into_inner()
        {
            let spans = 1 + record.account.meter.stints().len();
            self.counts.dropped.fetch_add(spans as u64, Ordering::Relaxed);
        }
    }

    /// What became of them.
    pub fn counts(&self) -> &Counts {
        &self.counts
    }

    /// Sends what is queued and ends, within a bound.
    pub async fn finish(&self) {
        let task = self.task.lock().unwrap_or_else(PoisonError::into_inner).take();
        let Some(mut task) = task else { return };
        let end = async {
            // The queue is closed only by the task, which ends after that.
            let _ = self.queue.send(Message::End).await;
            let _ = (&mut task).await;
        };
        if timeout(FLUSH, end).await.is_err() {
            task.abort();
            warn!("the last spans could not be sent in time");
        }
    }
}

/// Whose spans they are: what `OTEL_RESOURCE_ATTRIBUTES` says, and what is known here.
fn resource(settings: &Settings) -> Resource {
    Resource::builder()
        .with_service_name(settings.otlp_service_name.clone())
        .with_attribute(KeyValue::new("service.version", VERSION))
        .build()
}

struct Export {
    exporter: SpanExporter,
    tree: Tree,
    counts: Arc<Counts>,
}

impl Export {
    async fn run(self, mut records: Receiver<Message>) {
        while let Some(first) = records.recv().await {
            let mut batch = Vec::with_capacity(BATCH);
            let mut next = Some(first);
            let gather = async {
                while let Some(message) = next.take() {
                    match message {
                        Message::Record(record) => batch.push(record),
                        // What was queued before is still received.
                        Message::End => records.close(),
                    }
                    if batch.len() < BATCH {
                        next = records.recv().await;
                    }
                }
            };
            // Past the delay, what has been gathered goes.
            let _ = timeout(DELAY, gather).await;
            self.send(&batch).await;
        }
    }

    async fn send(&self, batch: &[Box<Record>]) {
        let spans: Vec<_> = batch.iter().flat_map(|record| self.tree.spans(record)).collect();
        let number = spans.len() as u64;
        if number == 0 {
            return;
        }
        // Why it failed the client has told the log.
        let outcome = match self.exporter.export(spans).await {
            Ok(()) => &self.counts.exported,
            Err(_) => &self.counts.failed,
        };
        outcome.fetch_add(number, Ordering::Relaxed);
    }
}
