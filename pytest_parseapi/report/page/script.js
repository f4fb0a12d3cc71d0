"use strict";
(() => {
  const report = JSON.parse(document.getElementById("data").textContent);
  const SURFACES = ["http", "run", "webhook"];
  const OUTCOMES = ["failed", "passed", "skipped"];
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
  total("checked", report.percent, " %");
  total("never simulated", among(counted, "missing"), ` of ${counted.length}`);
  total(counts.passed === 1 ? "test passed" : "tests passed", counts.passed);
  if (counts.failed) total(counts.failed === 1 ? "test failed" : "tests failed", counts.failed, "", true);

  /* The matrix of errors by surface */

  const MARKS = { checked: "✓", simulated: "!", missing: "–", unused: "" };
  const SAYS = {
    checked: "checked", simulated: "simulated, not checked", missing: "never simulated",
    unused: "not used by any test",
  };
  const faultCounts = {};
  for (const test of report.tests) {
    for (const api of test.apis) {
      for (const [code] of api.received) {
        if (!(code in report.faults)) continue;
        const row = ((faultCounts[api.provider] ||= {})[code] ||= { simulated: 0, checked: 0, in_use: true });
        row.simulated += 1;
        if (api.checks.length && test.outcome === "passed") row.checked += 1;
      }
    }
  }

  function cell(provider, code, surface, row) {
    const kind = state(row);
    const text = `${code}, ${surface}: ${SAYS[kind]}` +
      (row.simulated ? `, simulated in ${row.simulated} and checked in ${row.checked} tests` : "");
    const mark = el("span", { class: `mark ${kind}` }, MARKS[kind]);
    if (!row.simulated) return el("td", { class: "s" }, el("span", { "aria-label": text, title: text, role: "img" }, mark));
    const button = el("button", { type: "button", "aria-label": text, title: text }, mark);
    button.addEventListener("click", () => {
      reset();
      Object.assign(filter, { provider, surface, error: code });
      show();
      $("tests-title").scrollIntoView({ behavior: "smooth" });
    });
    return el("td", { class: "s" }, button);
  }

  function matrix(provider) {
    const rows = report.coverage.filter((row) => row.provider === provider.name);
    const used = rows.filter((row) => row.in_use);
    const faults = faultCounts[provider.name] || {};
    const shown = SURFACES.filter((surface) => rows.some((row) => row.surface === surface));
    const head = (first) => el("thead", {}, el("tr", {}, [
      el("th", {}, first), el("th", { class: "about" }, "meaning"), ...shown.map((surface) => el("th", { class: "s", scope: "col" }, surface)),
    ]));
    const body = provider.errors.map((error) => el("tr", { title: error.description }, [
      el("th", { scope: "row" }, el("div", {}, [
        el("span", { class: "status" }, String(error.status)),
        el("span", { class: "what" }, [
          el("code", {}, broken(error.code)),
          error.retryable ? el("span", { class: "tag" }, "retry") : null,
          error.basis === "documented" ? null : el("span", { class: "tag basis" }, error.basis),
        ]),
      ])),
      el("td", { class: "about" }, error.description),
      ...shown.map((surface) => {
        const row = rows.find((item) => item.code === error.code && item.surface === surface);
        return row ? cell(provider.name, error.code, surface, row) : el("td", { class: "s" });
      }),
    ]));
    const bar = el("div", { class: "bar" }, ["checked", "simulated", "missing"].filter((kind) =>
      among(used, kind)).map((kind) => el("i", { class: kind, style: `flex:${among(used, kind)}` })));
    const faultRows = Object.keys(report.faults).map((name) => el("tr", { title: report.faults[name] }, [
      el("th", { scope: "row" }, el("div", {}, el("code", {}, name))),
      el("td", { class: "about" }, report.faults[name]),
      cell(provider.name, name, "http", faults[name] || { simulated: 0, checked: 0, in_use: true }),
      ...shown.slice(1).map(() => el("td", { class: "s" })),
    ]));
    return el("article", { class: "card matrix", "data-provider": provider.name }, [
      el("header", {}, [
        el("h3", {}, provider.title),
        el("span", { class: "share" }, `${among(used, "checked")} of ${used.length} checked`),
      ]),
      bar,
      el("table", {}, [head("error"), el("tbody", {}, body)]),
      el("details", { class: "faults" }, [
        el("summary", {}, `Network faults: ${Object.values(faults).filter((row) => row.checked).length} of ${faultRows.length} checked (outside of the percentage)`),
        el("table", {}, el("tbody", {}, faultRows)),
      ]),
    ]);
  }
  const inUse = new Set(counted.map((row) => row.provider));
  $("matrices").classList.toggle("single", inUse.size === 1);
  $("matrices").append(...report.providers.filter((item) => inUse.has(item.name)).map(matrix));
  for (const item of report.providers) {
    if (!inUse.has(item.name)) $("matrices").append(el("div", { class: "card idle" }, `${item.title}: not used by any test`));
  }

  /* Timelines */

  const kindOf = (attempt) =>
    !attempt.error ? (attempt.run_status === "FAILED" ? "server" : "ok") : attempt.status === null ? "network" :
      attempt.error in report.faults || attempt.status >= 500 ? "server" : "client";
  // A poll that finds its run in progress is one of many: a dot.
  const isDot = (attempt) => !attempt.error && ["PENDING", "PROCESSING"].includes(attempt.run_status) && attempt.request.startsWith("GET");
  const labelOf = (attempt) =>
    isDot(attempt) ? "" : attempt.status === null ? attempt.error.replaceAll("_", " ") :
      attempt.request.startsWith("GET") && attempt.run_status || String(attempt.status);
  const GAP = 8, NO_WAIT = 40, LANE = 66, TOP = 4;
  const widthOf = (attempt) => isDot(attempt) ? 14 : Math.max(44, labelOf(attempt).length * 7.6 + 16);
  // Waits from milliseconds to an hour share one picture: a longer one is longer, by its logarithm.
  const stretch = (wait) => (wait < 0.0005 ? GAP : 40 + 26 * Math.log2(1 + Math.min(wait, 1e6)));

  function scale(lanes) {
    const slots = new Map(); // moment -> room for the attempts that begin then
    for (const lane of lanes) {
      const room = new Map();
      for (const attempt of lane) {
        const before = room.get(attempt.started);
        room.set(attempt.started, widthOf(attempt) + (before === undefined ? GAP : before + NO_WAIT));
        if (!slots.has(attempt.ended)) slots.set(attempt.ended, 0);
      }
      for (const [moment, width] of room) slots.set(moment, Math.max(slots.get(moment) || 0, width));
    }
    const places = new Map();
    let x = 0, before = null;
    for (const moment of [...slots.keys()].sort((a, b) => a - b)) {
      if (before !== null) x += slots.get(before) + stretch(moment - before) - GAP;
      places.set(moment, x);
      before = moment;
    }
    return { places, width: x + (before === null ? 0 : Math.max(slots.get(before), 24)) };
  }

  function timeline(api) {
    const lanes = [...Map.groupBy(api.attempts, (attempt) => attempt.operation).values()];
    const { places, width } = scale(lanes);
    const height = TOP + lanes.length * LANE;
    const label = lanes.map((lane) => `${lane[0].request} ${lane[0].document}`).join("; ");
    const canvas = svg(null, "svg", {
      width: Math.max(width + 4, 300), height, role: "img", "data-attempts": api.attempts.length,
      "aria-label": `${api.attempts.length} attempts: ${label}`,
    });
    lanes.forEach((lane, index) => drawLane(canvas, lane, TOP + index * LANE, places));
    return el("div", { class: "timeline" }, canvas);
  }

  function drawLane(canvas, lane, top, places) {
    const middle = top + 34;
    const title = svg(canvas, "text", { class: "lane", x: 0, y: top + 12 });
    title.append(`${lane[0].request}  `);
    svg(title, "tspan", { class: "doc" }, lane[0].document);
    svg(canvas, "line", { class: "rail", x1: 0, x2: places.get(lane[0].started) - 4, y1: middle, y2: middle });
    let before = null;
    for (const attempt of lane) {
      const gap = before ? (attempt.started - before.attempt.ended < 0.0005 ? NO_WAIT : GAP) : 0;
      const x = Math.max(before ? before.end + gap : 0, places.get(attempt.started)) + 1;
      const wide = Math.max(widthOf(attempt), places.get(attempt.ended) - x - GAP);
      if (before) drawWait(canvas, before, attempt, x, middle);
      drawAttempt(canvas, attempt, x, middle, wide);
      before = { attempt, end: x + wide };
    }
  }

  function drawWait(canvas, before, attempt, x, middle) {
    const wait = attempt.waited || 0;
    const bare = before.attempt.error && wait < 0.0005 ? " none" : "";
    svg(canvas, "path", { class: `wait${bare}`, d: `M${before.end} ${middle}H${x - 4}` });
    if (x - before.end > 24) {
      svg(canvas, "path", { class: "arrow", d: `M${x - 1} ${middle}l-6 -3.5v7z` });
      svg(canvas, "text", { class: "waited", x: (before.end + x - 4) / 2, y: middle - 5 }, duration(wait));
    }
    const asked = Number(before.attempt.retry_after);
    if (before.attempt.retry_after && asked >= 0) {
      const share = Math.min(1, asked / Math.max(wait, asked, 0.001));
      const at = before.end + (x - before.end - 8) * (wait >= asked ? share : 1);
      svg(canvas, "path", { class: "advice", d: `M${at} ${middle + 5}l4 6h-8z` });
    }
  }

  function drawAttempt(canvas, attempt, x, middle, wide) {
    const group = svg(canvas, "g", {
      class: `attempt ${kindOf(attempt)}`, tabindex: 0, role: "img",
      "aria-label": facts(attempt).map(([name, value]) => `${name} ${value}`).join(", "),
    });
    const tall = isDot(attempt) ? 14 : 24;
    svg(group, "rect", { x, y: middle - tall / 2, width: wide, height: tall, rx: 7 });
    svg(group, "text", { x: x + wide / 2, y: middle + 4.5 }, labelOf(attempt));
    svg(canvas, "text", { class: "at", x: x + Math.min(wide, 44) / 2, y: middle + 26 }, duration(attempt.started));
    group.addEventListener("pointerenter", () => tell(group, attempt));
    group.addEventListener("focus", () => tell(group, attempt));
    group.addEventListener("pointerleave", hush);
    group.addEventListener("blur", hush);
  }

  function facts(attempt) {
    return [
      ["attempt", attempt.number],
      ["request id", attempt.request_id],
      ["began at", seconds(attempt.started)],
      ["took", attempt.ended > attempt.started ? seconds(attempt.ended - attempt.started) : null],
      ["waited", attempt.waited === null ? null : seconds(attempt.waited)],
      ["Retry-After", attempt.retry_after],
      ["run", [attempt.run_status, attempt.run_reason].filter(Boolean).join(" ") || null],
    ].filter(([, value]) => value !== null);
  }

  function tell(group, attempt) {
    const name = [attempt.status, attempt.error].filter((part) => part !== null).join(" ");
    $("tip").replaceChildren(
      el("b", {}, name),
      el("dl", {}, facts(attempt).flatMap(([key, value]) => [el("dt", {}, key), el("dd", {}, String(value))])),
    );
    anchor = group;
    place();
  }

  let anchor = null;
  function place() {
    if (!anchor) return;
    $("tip").hidden = false;
    const box = anchor.getBoundingClientRect(), tip = $("tip").getBoundingClientRect();
    const left = Math.min(Math.max(12, box.left + box.width / 2 - tip.width / 2), innerWidth - tip.width - 12);
    const above = box.top - tip.height - 8;
    $("tip").style.left = `${left}px`;
    $("tip").style.top = `${above > 8 ? above : box.bottom + 8}px`;
  }
  function hush() { anchor = null; $("tip").hidden = true; }
  addEventListener("scroll", place, { passive: true, capture: true });

  /* Tests */

  const titles = Object.fromEntries(report.providers.map((provider) => [provider.name, provider.title]));

  function testCard(test) {
    const [, path, name] = /^(.*?::)?(.*)$/s.exec(test.id);
    const errors = new Set(), checks = new Set();
    for (const api of test.apis) {
      for (const [code, surface] of api.received) errors.add(surface === "http" ? code : `${code} (${surface})`);
      for (const check of api.checks) checks.add(check);
    }
    const list = (label, values) => values.size
      ? el("span", {}, [`${label} `, ...[...values].flatMap((value, index) => [index ? ", " : "", el("code", {}, value)])])
      : null;
    const [first] = test.message.split("\n");
    // The picture in the message is drawn here.
    const message = test.message.split(/\n\ntimeline of /)[0];
    const picture = test.apis.flatMap((api) => [
      test.apis.length > 1 ? el("div", { class: "facts" }, titles[api.provider] || api.provider) : null,
      api.attempts.length ? timeline(api) : null,
      api.left_out ? el("div", { class: "facts" }, `${api.left_out} more attempts in the middle`) : null,
      ...api.runs.map((run) => el("div", { class: "facts" }, el("span", {}, [
        "run ", el("code", {}, run.id), ` of ${run.document}: `, el("code", {}, [run.status, run.failure_reason].filter(Boolean).join(" ")),
      ]))),
    ]);
    return el("article", { class: `card test ${test.outcome}`, "data-id": test.id }, [
      el("div", { class: "about-test" }, [
        el("header", {}, [
          el("span", { class: "outcome" }, test.outcome),
          el("h3", {}, [el("span", {}, path || ""), ...broken(name)]),
        ]),
        el("div", { class: "facts" }, [
          list("received", errors),
          checks.size ? list("checked by", checks) : test.outcome === "passed" ? el("span", {}, "no check ran") : null,
          test.tries > 1 ? el("span", {}, `${test.tries} tries`) : null,
        ]),
      ]),
      el("div", { class: "picture" }, picture),
      test.message ? el("details", { open: counts.failed <= 3 }, [el("summary", {}, first), el("pre", {}, message)]) : null,
    ]);
  }

  /* Filters */

  const filter = { text: "", outcome: "", provider: "", surface: "", error: "" };
  const texts = report.tests.map((test) => [
    test.id, ...test.apis.flatMap((api) => api.attempts.flatMap((item) => [item.document, item.request_id || ""])),
  ].join("\n").toLowerCase());
  let fitting = [], drawn = 0;

  const fits = (test, index) =>
    (!filter.outcome || test.outcome === filter.outcome) &&
    (!filter.text || texts[index].includes(filter.text.toLowerCase())) &&
    (!(filter.provider || filter.surface || filter.error) || test.apis.some((api) =>
      (!filter.provider || api.provider === filter.provider) &&
      (!filter.surface || api.surfaces.includes(filter.surface)) &&
      (!filter.error || api.received.some(([code, surface]) =>
        code === filter.error && (!filter.surface || surface === filter.surface)))));

  function show() {
    for (const key of ["provider", "surface", "error"]) $(key).value = filter[key];
    if ($("search").value !== filter.text) $("search").value = filter.text;
    for (const button of $("outcomes").children) {
      button.setAttribute("aria-pressed", String(button.value === filter.outcome));
    }
    $("clear").hidden = !Object.values(filter).some(Boolean);
    fitting = report.tests.filter(fits);
    drawn = 0;
    $("tests").replaceChildren();
    hush();
    const all = report.tests.length;
    $("count").textContent = fitting.length === all ? `${all}` : `${fitting.length} of ${all}`;
    if (!fitting.length) {
      $("tests").append(el("p", { class: "card none" }, all ? "No test fits these filters." : "No test asked a simulated provider for anything."));
    }
    more();
  }

  function more() {
    $("tests").append(...fitting.slice(drawn, drawn + STEP).map(testCard));
    drawn = Math.min(fitting.length, drawn + STEP);
    $("more").hidden = drawn >= fitting.length;
    $("more").textContent = `Show ${Math.min(STEP, fitting.length - drawn)} more`;
  }

  function reset() { for (const key of Object.keys(filter)) filter[key] = ""; }

  function options(id, label, values) {
    $(id).append(el("option", { value: "" }, label), ...values.map((value) => el("option", { value }, value)));
    $(id).addEventListener("change", () => { filter[id] = $(id).value; show(); });
  }
  const apis = report.tests.flatMap((test) => test.apis);
  options("provider", "All providers", [...new Set(apis.map((api) => api.provider))].sort());
  options("surface", "All surfaces", SURFACES.filter((surface) => apis.some((api) => api.surfaces.includes(surface))));
  options("error", "All errors", [...new Set(apis.flatMap((api) => api.received.map(([code]) => code)))].sort());
  for (const outcome of ["", ...OUTCOMES]) {
    if (outcome && !counts[outcome]) continue;
    const text = outcome ? `${outcome} ${counts[outcome]}` : "all";
    const button = el("button", { type: "button", value: outcome }, text);
    button.addEventListener("click", () => { filter.outcome = outcome; show(); });
    $("outcomes").append(button);
  }
  $("search").addEventListener("input", () => { filter.text = $("search").value; show(); });
  $("clear").addEventListener("click", () => { reset(); show(); });
  $("more").addEventListener("click", more);
  new IntersectionObserver(([entry]) => { if (entry.isIntersecting && !$("more").hidden) more(); }, { rootMargin: "600px" }).observe($("more"));
  show();
  document.documentElement.dataset.ready = "true";
})();
