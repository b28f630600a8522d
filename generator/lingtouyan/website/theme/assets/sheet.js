// A view as a workbook or as CSV. Whatever a cell holds is data: nothing is written as a formula.
"use strict";

const sheetText = (value) => String(value ?? "").replace(/[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]/g, "\ufffd")
  .replace(/[&<>"]/g, (sign) => `&#${sign.charCodeAt(0)};`);

function columnName(index) {
  return (index >= 26 ? columnName(Math.floor(index / 26) - 1) : "") + String.fromCharCode(65 + (index % 26));
}

// head: lines above the table; titles: one row; rows: arrays of numbers and texts.
function makeWorkbook(name, head, titles, rows) {
  const cell = (value, column, row, style) => typeof value === "number"
    ? `<c r="${columnName(column)}${row}"><v>${value}</v></c>`
    : `<c r="${columnName(column)}${row}" t="inlineStr" s="${style}"><is><t xml:space="preserve">${sheetText(value)}</t></is></c>`;
  const line = (cells, row, style) => `<row r="${row}">${cells.map((value, column) => cell(value, column, row, style)).join("")}</row>`;
  const top = head.length + 1;
  const wide = titles.map((title, at) => Math.min(60, Math.max(...[title, ...rows.slice(0, 500).map((row) => row[at])].map((value) => [...String(value ?? "")].length)) * 2 + 2));
  const last = `${columnName(titles.length - 1)}${top + rows.length}`;
  const xml = '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>';
  const main = "http://schemas.openxmlformats.org/spreadsheetml/2006/main";
  const rels = "http://schemas.openxmlformats.org/package/2006/relationships";
  const office = "http://schemas.openxmlformats.org/officeDocument/2006/relationships";
  const type = "application/vnd.openxmlformats-officedocument.spreadsheetml";
  const files = {
    "[Content_Types].xml": `${xml}<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types"><Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/><Default Extension="xml" ContentType="application/xml"/><Override PartName="/xl/workbook.xml" ContentType="${type}.sheet.main+xml"/><Override PartName="/xl/worksheets/sheet1.xml" ContentType="${type}.worksheet+xml"/><Override PartName="/xl/styles.xml" ContentType="${type}.styles+xml"/></Types>`,
    "_rels/.rels": `${xml}<Relationships xmlns="${rels}"><Relationship Id="rId1" Type="${office}/officeDocument" Target="xl/workbook.xml"/></Relationships>`,
    "xl/workbook.xml": `${xml}<workbook xmlns="${main}" xmlns:r="${office}"><sheets><sheet name="${sheetText(name.replace(/[\\/?*[\]:]/g, " ").slice(0, 31))}" sheetId="1" r:id="rId1"/></sheets><definedNames><definedName name="_xlnm.Print_Titles" localSheetId="0">'${sheetText(name.replace(/[\\/?*[\]:]/g, " ").slice(0, 31).replaceAll("'", "''"))}'!$${top}:$${top}</definedName></definedNames></workbook>`,
    "xl/_rels/workbook.xml.rels": `${xml}<Relationships xmlns="${rels}"><Relationship Id="rId1" Type="${office}/worksheet" Target="worksheets/sheet1.xml"/><Relationship Id="rId2" Type="${office}/styles" Target="styles.xml"/></Relationships>`,
    "xl/styles.xml": `${xml}<styleSheet xmlns="${main}"><fonts count="2"><font><sz val="11"/><name val="宋体"/></font><font><b/><sz val="11"/><name val="宋体"/></font></fonts><fills count="1"><fill><patternFill patternType="none"/></fill></fills><borders count="1"><border/></borders><cellStyleXfs count="1"><xf/></cellStyleXfs><cellXfs count="3"><xf xfId="0"/><xf xfId="0" fontId="1" applyFont="1"/><xf xfId="0" numFmtId="49" applyNumberFormat="1"/></cellXfs></styleSheet>`,
    "xl/worksheets/sheet1.xml": `${xml}<worksheet xmlns="${main}"><sheetViews><sheetView workbookViewId="0"><pane ySplit="${top}" topLeftCell="A${top + 1}" activePane="bottomLeft" state="frozen"/></sheetView></sheetViews><cols>${wide.map((width, at) => `<col min="${at + 1}" max="${at + 1}" width="${width}" customWidth="1"/>`).join("")}</cols><sheetData>${head.map((words, at) => line([words], at + 1, at ? 0 : 1)).join("")}${line(titles, top, 1)}${rows.map((row, at) => line(row, top + at + 1, 2)).join("")}</sheetData><autoFilter ref="A${top}:${last}"/></worksheet>`,
  };
  return fflate.zipSync(Object.fromEntries(Object.entries(files).map(([path, words]) => [path, fflate.strToU8(words)])));
}

function makeCsv(head, titles, rows) {
  const cell = (value) => {
    let words = String(value ?? "");
    // As `csv_cell` in feeds.py: a program for tables would calculate what begins so; an amount with a sign is no formula.
    if (typeof value !== "number" && /^(?:[=＝]|[-+@－＋＠\t\r](?=[^]*[^\d\s.,+\-()%]))/.test(words)) words = `'${words}`;
    return /[",\r\n]/.test(words) ? `"${words.replaceAll('"', '""')}"` : words;
  };
  return "\ufeff" + [...head.map((words) => [words]), titles, ...rows].map((row) => row.map(cell).join(",")).join("\r\n") + "\r\n";
}
