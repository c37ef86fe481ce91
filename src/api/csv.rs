//! Rows of data as CSV within a request.

use std::collections::HashMap;

use csv::{Position, ReaderBuilder, StringRecord, Trim};
use utoipa::ToSchema;

use super::faults::{Faults, list, quote};
use super::problem::Problem;
use super::suggest;
use super::text::Text;

/// A table with a header, its cells separated by commas. For an MLP, `target` names the column to compare with, and all
/// others are inputs in their order; for an expression or a graph, columns go by the names of its inputs.
#[derive(Clone, Debug, PartialEq, ToSchema)]
pub struct Csv<'a> {
    /// The table: a line of names, then one line per row. Cells are finite numbers, those of the target may be text.
    #[schema(value_type = String)]
    pub csv: Text<'a>,
    /// The column to compare with, for an MLP.
    #[schema(value_type = Option<String>)]
    pub target: Option<Text<'a>>,
    /// The columns to take as inputs, in this order; all but the target unless given.
    #[schema(value_type = Option<Vec<String>>)]
    pub features: Option<Vec<Text<'a>>>,
}

/// A table as it was read.
#[derive(Debug)]
pub(super) struct Sheet {
    /// Names of the inputs.
    pub names: Vec<String>,
    /// The inputs, row by row.
    pub numbers: Vec<f64>,
    pub target: Option<Target>,
    pub rows: RowPlaces,
}

/// Where each row of a table begins: its line.
#[derive(Debug, Default)]
pub(super) struct RowPlaces(Vec<u64>);

impl RowPlaces {
    /// What a cell is called in messages.
    pub(super) fn cell(&self, row: usize, column: &str) -> String {
        cell(row, self.0[row], column)
    }
}

/// The column to compare with, as it was written.
#[derive(Debug)]
pub(super) struct Target {
    pub name: String,
    pub cells: Vec<String>,
}

/// A finite number; nothing else is one in a table.
pub(super) fn number(cell: &str) -> Option<f64> {
    cell.parse().ok().filter(|x: &f64| x.is_finite())
}

/// Where a record begins: its position is before the empty lines that the reader skips.
fn line(text: &str, position: Option<&Position>) -> u64 {
    let Some(position) = position else { return 0 };
    let skipped =
        text.as_bytes()[position.byte() as usize..].iter().take_while(|byte| b"\r\n".contains(byte));
    position.line() + skipped.filter(|byte| **byte == b'\n').count() as u64
}

/// People count rows from 1, and editors show lines.
fn cell(row: usize, line: u64, column: &str) -> String {
    format!("Row {} (line {line}), column {}", row + 1, quote(column))
}

/// What is wrong with a cell that holds nothing.
const EMPTY: &str = "the cell is empty; fill it, or leave out the row.";

impl Csv<'_> {
    /// Reads the table, which is at `place`, or tells everything that is wrong with it.
    pub(super) fn read(&self, place: &str) -> Result<Sheet, Problem> {
        let text = self.csv.trim_start_matches('\u{feff}');
        let mut reader = ReaderBuilder::new().flexible(true).trim(Trim::All).from_reader(text.as_bytes());
        let at = format!("{place}/csv");
        let broken = |error: csv::Error| Problem::at(&at, format!("The CSV cannot be read: {error}."));
        let header = reader.headers().map_err(broken)?.clone();
        let (target, inputs) = self.choose(&header, place)?;
        let mut sheet = Sheet {
            names: inputs.iter().map(|&column| header[column].to_owned()).collect(),
            numbers: Vec::new(),
            target: target.map(|column| Target { name: header[column].to_owned(), cells: Vec::new() }),
            rows: RowPlaces::default(),
        };
        let mut faults = Faults::default();
        let mut record = StringRecord::new();
        let mut row = 0;
        while reader.read_record(&mut record).map_err(broken)? {
            let line = line(text, record.position());
            let mut fault = |detail: &dyn Fn() -> String| faults.add(|| at.clone(), detail);
            if record.len() == header.len() {
                for &column in &inputs {
                    match number(&record[column]) {
                        Some(x) => sheet.numbers.push(x),
                        None => fault(&|| {
                            let place = cell(row, line, &header[column]);
                            match &record[column] {
                                "" => format!("{place}: {EMPTY}"),
                                text => format!(
                                    "{place}: {} is not a finite number; correct it, or leave out the row, or the column \
                                     by `features`.",
                                    quote(text)
                                ),
                            }
                        }),
                    }
                }
                if let (Some(target), Some(column)) = (&mut sheet.target, target) {
                    if record[column].is_empty() {
                        fault(&|| format!("{}: {EMPTY}", cell(row, line, &header[column])));
                    }
                    target.cells.push(record[column].to_owned());
                }
            } else {
                fault(&|| {
                    let (cells, columns) = (record.len(), header.len());
                    format!(
                        "Row {} (line {line}) has {cells} cells, but the header has {columns}; a cell that holds a comma is \
                         written in quotes.",
                        row + 1
                    )
                });
            }
            sheet.rows.0.push(line);
            row += 1;
        }
        if row == 0 {
            faults.add(|| at, || "The CSV has no rows below its header.".to_owned());
        }
        faults.into_result()?;
        Ok(sheet)
    }

    /// The positions of the target and the inputs.
    fn choose(&self, header: &StringRecord, place: &str) -> Result<(Option<usize>, Vec<usize>), Problem> {
        let at = || format!("{place}/csv");
        let mut faults = Faults::default();
        if header.iter().all(str::is_empty) {
            return Err(Problem::at(
                at(),
                "The CSV is empty; its first line is a header with the names of columns.",
            ));
        }
        let mut positions = HashMap::new();
        for (column, name) in header.iter().enumerate() {
            if name.is_empty() {
                faults.add(at, || format!("Column {} of the header has no name.", column + 1));
            } else if positions.insert(name, column).is_some() {
                faults.add(at, || format!("The header names the column {} twice.", quote(name)));
            }
        }
        let mut find = |name: &str, pointer: &dyn Fn() -> String| {
            let found = positions.get(name).copied();
            if found.is_none() {
                faults.add(pointer, || {
                    let (known, ending) = (list(header), suggest::ending(name, header));
                    format!("The CSV has no column {}{ending} It has {known}.", quote(name))
                });
            }
            found
        };
        let target = self.target.as_ref().and_then(|name| find(name, &|| format!("{place}/target")));
        let inputs: Vec<usize> = match &self.features {
            None => (0..header.len()).filter(|column| Some(*column) != target).collect(),
            Some(names) => names
                .iter()
                .enumerate()
                .filter_map(|(i, name)| find(name, &|| format!("{place}/features/{i}")))
                .collect(),
        };
        for (i, column) in inputs.iter().enumerate() {
            let is_again = Some(*column) == target || inputs[..i].contains(column);
            if is_again {
                faults.add(
                    || format!("{place}/features/{i}"),
                    || format!("The column {} is taken twice.", quote(&header[*column])),
                );
            }
        }
        faults.into_result()?;
        if inputs.is_empty() {
            return Err(Problem::at(at(), "The CSV has no column of inputs."));
        }
        Ok((target, inputs))
    }
}
