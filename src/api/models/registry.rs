//! The models that a server has: those it was started with, by name, and those that were posted, by hash.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};

use lru::LruCache;

use super::description::ModelList;
use super::stored::{self, Stored};
use crate::api::context::Context;
use crate::api::faults::quote;
use crate::api::problem::{Fault, Kind, Problem};
use crate::api::suggest;

/// How every hash begins, and no name.
const HASH: &str = "sha256:";

/// Models that requests name.
#[derive(Debug, Default)]
pub struct Models {
    named: RwLock<Arc<BTreeMap<String, Arc<Stored>>>>,
    posted: Mutex<Posted>,
    /// The name of the one that is a Tesseract; empty where none is.
    tesseract: String,
}

/// Models that were posted; those that were used longest ago go first when room is needed.
#[derive(Debug)]
struct Posted {
    by_hash: LruCache<String, Arc<Stored>>,
    /// Bytes of all.
    bytes: usize,
    most: usize,
}

impl Default for Posted {
    fn default() -> Self {
        Self { by_hash: LruCache::unbounded(), bytes: 0, most: 0 }
    }
}

impl Models {
    /// No models yet, with room for so many bytes of posted ones.
    pub fn new(most: usize) -> Self {
        Self { posted: Mutex::new(Posted { most, ..Posted::default() }), ..Self::default() }
    }

    /// The same models, of which the one called `tesseract` is a Tesseract; none where that is empty.
    #[must_use]
    pub fn with_tesseract(self, tesseract: &str) -> Self {
        Self { tesseract: tesseract.to_owned(), ..self }
    }

    /// Puts other named models in place of those that there were.
    pub fn name(&self, models: BTreeMap<String, Arc<Stored>>) {
        *self.named.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(models);
    }

    /// The named models.
    pub fn named(&self) -> Arc<BTreeMap<String, Arc<Stored>>> {
        Arc::clone(&self.named.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// What the named models are.
    pub fn list(&self) -> ModelList {
        ModelList { models: self.named().iter().map(|(name, model)| model.describe(Some(name))).collect() }
    }

    /// The model that `definition` defines, prepared now unless it was before. Kept where there is room for it.
    ///
    /// # Errors
    /// All faults of the definition.
    pub(in crate::api) fn prepare(
        &self,
        definition: &[u8],
        context: &Context,
    ) -> Result<Arc<Stored>, Problem> {
        let hash = stored::hash(definition);
        if let Some(model) = self.posted().by_hash.get(&hash) {
            return Ok(Arc::clone(model));
        }
        let model = Arc::new(Stored::new(definition, context)?);
        // One that is too large to be kept serves this once.
        drop(self.keep(Arc::clone(&model)));
        Ok(model)
    }

    /// Keeps a model that was posted, in place of those that were used longest ago where there is no room.
    ///
    /// # Errors
    /// A limit, when it is too large for the whole room.
    pub fn keep(&self, model: Arc<Stored>) -> Result<(), Problem> {
        let bytes = model.bytes();
        let mut posted = self.posted();
        let most = posted.most;
        if bytes > most {
            let detail = format!(
                "The model takes about {bytes} bytes; prepared models together get {most}. Send it with each request \
                 instead, or make it smaller."
            );
            return Err(Problem::limit("max_prepared_bytes", most as u64, bytes as u64, detail));
        }
        // One that is there already keeps its tapes.
        if posted.by_hash.get(model.hash()).is_some() {
            return Ok(());
        }
        while posted.bytes + bytes > most
            && let Some((_, oldest)) = posted.by_hash.pop_lru()
        {
            posted.bytes -= oldest.bytes();
        }
        posted.bytes += bytes;
        posted.by_hash.put(model.hash().to_owned(), model);
        Ok(())
    }

    fn posted(&self) -> MutexGuard<'_, Posted> {
        self.posted.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The model that is a Tesseract.
    ///
    /// # Errors
    /// 404 when none is.
    pub fn tesseract(&self) -> Result<Arc<Stored>, Problem> {
        if self.tesseract.is_empty() {
            let detail =
                "This server is no Tesseract: start it with --tesseract and the name of one of its models.";
            return Err(Problem::new(Kind::NOT_FOUND, detail));
        }
        self.find(&self.tesseract)
    }

    /// The model called `name`, or with that hash.
    ///
    /// # Errors
    /// 404 when there is none, with what to do about it.
    pub fn find(&self, name: &str) -> Result<Arc<Stored>, Problem> {
        let named = self.named();
        if let Some(model) = named.get(name) {
            return Ok(Arc::clone(model));
        }
        if !name.starts_with(HASH) {
            let detail = if named.is_empty() {
                format!(
                    "There is no model {}; the server was started without any. Post its definition to /v1/models, and name it \
                     by the hash that is answered.",
                    quote(name)
                )
            } else {
                let ending = suggest::ending(name, named.keys().map(String::as_str));
                format!(
                    "There is no model {}{ending} GET /v1/models lists those that there are.",
                    quote(name)
                )
            };
            return Err(unknown(detail));
        }
        let mut posted = self.posted();
        if let Some(model) = posted.by_hash.get(name) {
            return Ok(Arc::clone(model));
        }
        drop(posted);
        named.values().find(|model| model.hash() == name).map(Arc::clone).ok_or_else(|| {
            unknown(format!(
                "This server has no model {} prepared. Post its definition to /v1/models, again if it was posted before: \
                 replicas do not share prepared models, and forget those that are not used.",
                quote(name)
            ))
        })
    }
}

fn unknown(detail: String) -> Problem {
    let fault = Fault { detail: detail.clone(), pointer: Some("/model".to_owned()), ..Fault::default() };
    Problem { errors: vec![fault], ..Problem::new(Kind::UNKNOWN_MODEL, detail) }
}
