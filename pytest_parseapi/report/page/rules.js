// The rules that tests broke: one row each, those of most tests first.

const rulesOf = (test) => test.rules || [];
const rows = new Map(); // name -> the tests that broke it, and how it is put
for (const test of report.tests) {
  for (const rule of rulesOf(test)) {
    if (!rows.has(rule.name)) rows.set(rule.name, { ...rule, tests: new Set(), sentences: new Set() });
    rows.get(rule.name).tests.add(test);
    rows.get(rule.name).sentences.add(rule.rule);
  }
}
const brokenRules = [...rows.values()].sort((a, b) => b.tests.size - a.tests.size || natural(a.name, b.name));

function ruleRow(rule) {
  const button = el("button", { type: "button", title: "Show its tests" }, el("code", {}, broken(rule.name)));
  button.addEventListener("click", () => {
    reset();
    filter.rule = rule.name;
    show();
    $("tests-title").scrollIntoView({ behavior: "smooth" });
  });
  const [first] = rule.tests;
  return el("tr", { "data-rule": rule.name }, [
    el("th", { scope: "row" }, button),
    el("td", { class: "cases" }, [String(rule.tests.size), el("span", { class: "unit" }, rule.tests.size === 1 ? " case" : " cases")]),
    el("td", {}, [rule.rule + others(rule), el("span", { class: "page" }, rule.page ? linkTo(rule.page) : "a rule of pytest-parseapi's own")]),
    el("td", { class: "where" }, el("code", {}, placeOf(first))),
  ]);
}
// A rule is put in other words for other errors.
const others = ({ sentences }) => (sentences.size > 1 ? `, and ${sentences.size - 1} more` : "");
const placeOf = (test) => (test.file ? `${test.file}:${test.line}` : test.id);

if (brokenRules.length) {
  $("rules").hidden = false;
  $("rules-table").append(
    el("thead", {}, el("tr", {}, ["rule", "cases", "what should have held", "first place"].map((name) =>
      el("th", { scope: "col", class: name === "cases" ? name : null }, name)))),
    el("tbody", {}, brokenRules.map(ruleRow)),
  );
  $("rules-count").textContent = String(brokenRules.length);
}
