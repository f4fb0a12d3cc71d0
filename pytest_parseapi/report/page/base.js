// What every part of the page needs: the data, elements, numbers, the head of the page.

const report = JSON.parse(document.getElementById("data").textContent);
const SURFACES = ["http", "run", "webhook"];
const OUTCOMES = ["failed", "passed", "xfailed", "skipped"];
const labelOfOutcome = (outcome) => (outcome === "xfailed" ? "xfail" : outcome);
const STEP = 200; // cards drawn at once: a suite may have thousands of tests
const $ = (id) => document.getElementById(id);
const SVG = "http://www.w3.org/2000/svg";

function build(parent, space, tag, attributes, children) {
  const made = space ? document.createElementNS(space, tag) : document.createElement(tag);
  for (const [name, value] of Object.entries(attributes || {})) {
    if (value === true) made.setAttribute(name, "");
    else if (value !== null && value !== undefined && value !== false) made.setAttribute(name, value);
  }
  for (const child of [].concat(children === undefined ? [] : children)) {
    if (child !== null) made.append(child);
  }
  if (parent) parent.append(made);
  return made;
}
const el = (tag, attributes, children) => build(null, null, tag, attributes, children);
const svg = (parent, tag, attributes, children) => build(parent, SVG, tag, attributes, children);
const seconds = (value) => `${+value.toFixed(value < 10 ? 2 : value < 100 ? 1 : 0)} s`;
const duration = (value) =>
  value < 120 ? seconds(value) : value < 7200 ? `${+(value / 60).toFixed(1)} min` : `${+(value / 3600).toFixed(1)} h`;

const natural = new Intl.Collator("en", { numeric: true }).compare;
const unique = (values) => [...new Set(values)].sort(natural);
const withScheme = (page) => (/^https?:/.test(page) ? page : `https://${page}`);
const linkTo = (page, content = page.replace(/^https?:\/\//, "")) =>
  el("a", { href: withScheme(page), rel: "noreferrer", target: "_blank" }, content);
// Some sources are notes, such as the version of an official client: no address.
const isPage = (source) => /^(https?:\/\/)?[\w-]+(\.[\w-]+)+\/\S*$|^(https?:\/\/)?[\w-]+(\.[\w-]+)+$/.test(source);

const broken = (name) => name.split("_").flatMap((part, index) => (index ? ["_", el("wbr"), part] : [part]));

/* Totals */

const counts = Object.fromEntries(OUTCOMES.map((name) => [name, 0]));
for (const test of report.tests) counts[test.outcome] += 1;
const counted = report.coverage.filter((row) => row.in_use);
const state = (row) =>
  row.checked ? "checked" : row.simulated ? "simulated" : row.in_use ? "missing" : "unused";
const among = (rows, name) => rows.filter((row) => state(row) === name).length;
const total = (label, value, unit, bad) =>
  $("totals").append(
    el("div", { class: bad ? "bad" : null }, [
      el("dt", {}, label),
      el("dd", {}, [String(value), unit ? el("small", {}, unit) : null]),
    ]),
  );
const isEnough = report.threshold == null || report.percent >= report.threshold;
total("checked", report.percent, " %", !isEnough);
total("never simulated", among(counted, "missing"), ` of ${counted.length}`);
total(counts.passed === 1 ? "test passed" : "tests passed", counts.passed);
if (counts.failed) total(counts.failed === 1 ? "test failed" : "tests failed", counts.failed, "", true);
if (counts.xfailed) total("expected to fail", counts.xfailed);

const sessionFacts = [
  report.written ? el("time", { datetime: report.written }, new Intl.DateTimeFormat("en-GB", { dateStyle: "long", timeStyle: "short", timeZone: "UTC" }).format(new Date(report.written)) + " UTC") : null,
  report.commit ? el("span", {}, ["commit ", el("code", { title: report.commit }, report.commit.slice(0, 10))]) : null,
  report.threshold == null ? null : el("span", { class: isEnough ? null : "bad" }, `required: ${report.threshold} %`),
];
$("session").append(...sessionFacts.filter(Boolean));
