//! The models that a server is started with: one JSON file each, named by the file.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use axum::Json;
use axum::extract::State;

use crate::api::models::{ModelList, Models, Stored};
use crate::api::{Context, Fault, Problem, umbridge};

use super::Settings;
use super::service::Service;

/// Why models could not be loaded.
#[derive(Debug, thiserror::Error)]
pub enum ModelsError {
    /// The directory or a file of it cannot be read.
    #[error("cannot read the models in {}: {error}", path.display())]
    Unreadable {
        /// The directory or file.
        path: PathBuf,
        /// What the system said.
        #[source]
        error: io::Error,
    },
    /// A file is named as no model can be.
    #[error("cannot name a model after {}: {reason}", path.display())]
    Name {
        /// The file.
        path: PathBuf,
        /// What is wrong with the name.
        reason: &'static str,
    },
    /// A file does not define a model.
    #[error("the model file {} cannot be used: {}", path.display(), told(problem))]
    Faulty {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        problem: Box<Problem>,
    },
    /// The model that is to be a Tesseract is not there.
    #[error(
        "the setting tesseract names the model {name:?}, which is not among those of the setting models: {}",
        listed(known)
    )]
    Tesseract {
        /// Its name.
        name: String,
        /// The names of those that are there.
        known: Vec<String>,
    },
}

fn listed(names: &[String]) -> String {
    if names.is_empty() { "there are none".to_owned() } else { names.join(", ") }
}

/// The detail with its place, or every fault with its own.
fn told(problem: &Problem) -> String {
    let place = |fault: &Fault| fault.pointer.clone().unwrap_or_default();
    match problem.errors.as_slice() {
        [] | [Fault { pointer: None, .. }] => problem.detail.clone(),
        [fault] => format!("at {}: {}", place(fault), problem.detail),
        faults => {
            let each = faults.iter().map(|fault| format!("{}: {}", place(fault), fault.detail));
            each.collect::<Vec<_>>().join(" ")
        }
    }
}

/// Reads the models of the directory that `settings` name, if any, into `models`: all of them, or none where one is faulty.
///
/// Gives their number.
pub fn load(settings: &Settings, models: &Models) -> Result<usize, ModelsError> {
    let named = read(settings)?;
    let tesseract = &settings.tesseract;
    if !tesseract.is_empty() && !named.contains_key(tesseract) {
        return Err(ModelsError::Tesseract { name: tesseract.clone(), known: named.into_keys().collect() });
    }
    let count = named.len();
    models.name(named);
    Ok(count)
}

/// The models of the directory, by name.
fn read(settings: &Settings) -> Result<BTreeMap<String, Arc<Stored>>, ModelsError> {
    let directory = &settings.models;
    if directory.as_os_str().is_empty() {
        return Ok(BTreeMap::new());
    }
    let context = Context { limits: settings.limits(), ..Context::default() };
    let mut named = BTreeMap::new();
    for path in
        files(directory).map_err(|error| ModelsError::Unreadable { path: directory.clone(), error })?
    {
        let name = name(&path)?;
        let body = fs::read(&path).map_err(|error| ModelsError::Unreadable { path: path.clone(), error })?;
        let model = Stored::new(&body, &context)
            .map_err(|problem| ModelsError::Faulty { path: path.clone(), problem: Box::new(problem) })?;
        named.insert(name, Arc::new(model));
    }
    Ok(named)
}

/// The files `*.json` of `directory`, sorted.
fn files(directory: &Path) -> io::Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for entry in fs::read_dir(directory)? {
        let path = entry?.path();
        if path.extension() == Some(OsStr::new("json")) {
            files.push(path);
        }
    }
    files.sort_unstable();
    Ok(files)
}

fn name(path: &Path) -> Result<String, ModelsError> {
    let refuse = |reason| ModelsError::Name { path: path.to_owned(), reason };
    let name = path.file_stem().and_then(OsStr::to_str).unwrap_or_default();
    if !name.chars().all(|letter| letter.is_ascii_alphanumeric() || "_-.".contains(letter)) || name.is_empty()
    {
        return Err(refuse("use letters, digits, `_`, `-` and `.`"));
    }
    if name == umbridge::EXPRESSION {
        return Err(refuse("by that name UM-Bridge has the expression of each request"));
    }
    Ok(name.to_owned())
}

/// `GET /v1/models`: the named models.
pub async fn list(State(service): State<Arc<Service>>) -> Json<ModelList> {
    Json(service.models.list())
}

/// `GET /Info` of UM-Bridge: their names.
pub async fn umbridge_info(State(service): State<Arc<Service>>) -> Json<umbridge::Info> {
    Json(umbridge::info(&service.models))
}
