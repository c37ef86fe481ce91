// Tables as text.

/** The cells of one line; RFC 4180's quotes where there are commas, else tabs or spaces. */
function cells(line, separator) {
  if (separator !== ",") return line.trim().split(separator);
  return [...line.matchAll(/(?:^|,)\s*(?:"((?:[^"]|"")*)"\s*|([^,]*))/g)].map(([, quoted, plain]) => quoted?.replaceAll('""', '"') ?? plain.trim());
}

/** A table with a header: {header, rows}, the rows as text. Throws an Error that says what is wrong. */
export function table(text) {
  const lines = text.split(/\r?\n/).filter((line) => line.trim() !== "");
  if (lines.length < 2) throw new Error("A line with the names of the columns comes first, then one line per row.");
  const separator = lines[0].includes(",") ? "," : lines[0].includes("\t") ? "\t" : /\s+/;
  const [header, ...rows] = lines.map((line) => cells(line, separator));
  const bad = rows.findIndex((row) => row.length !== header.length);
  if (bad >= 0) throw new Error(`Row ${bad + 1} has ${rows[bad].length} cells, but there are ${header.length} columns.`);
  return { header, rows };
}

/** A column as numbers. Throws an Error that names the row of what is none. */
export function numbers({ header, rows }, name) {
  const at = header.indexOf(name);
  return rows.map((row, i) => {
    const number = row[at] === "" ? NaN : Number(row[at]);
    if (!Number.isFinite(number)) throw new Error(`Row ${i + 1} of the column ${name} is “${row[at]}”, which is no number.`);
    return number;
  });
}
