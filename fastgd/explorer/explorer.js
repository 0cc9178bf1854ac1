// What the page shows when a control moves. No path is computed here: each was run by fastgd and
// is looked up. Only the theorems' bounds, which are formulas of plain numbers, are worked out.
"use strict";

window.explorer = (() => {
  const $ = (id) => document.getElementById(id);
  const data = JSON.parse($("data").textContent);
  const LOWEST = 1e-12;
  const COLOURS = { a: "#0072B2", b: "#D55E00" };
  const state = {
    land: 0, start: 0, sign: 0, sigma: 0, batch: 0, step: data.steps, language: "en",
    a: { rule: 0, lr: 0, gamma: 0, beta2: 0 }, b: { rule: 0, lr: 0, gamma: 0, beta2: 0 },
  };
  const unpacked = new Map();
  const models = new Map();
  let timer = 0;

  // Texts.

  const word = (name, values = {}) => {
    const text = data.words[state.language][name];
    return text.replace(/\{(\w)\}/g, (_, key) => values[key]);
  };
  const raised = (n) => String(n).replace(/[-\d]/g, (c) => (c === "-" ? "⁻" : "⁰¹²³⁴⁵⁶⁷⁸⁹"[c]));
  function number(value, digits = 3) {
    if (value === 0) return "0";
    if (!Number.isFinite(value)) return "∞";
    const size = Math.abs(value);
    let text;
    if (size >= 1e-3 && size < 1e5) {
      text = String(Number(value.toPrecision(digits)));
    } else {
      const [mantissa, exponent] = value.toExponential(1).split("e");
      text = `${mantissa}·10${raised(Number(exponent))}`;
    }
    return (state.language === "fr" ? text.replace(".", ",") : text).replace("-", "−");
  }
  const small = (value) => (value <= LOWEST ? `< 10${raised(-12)}` : `≈ ${number(value, 2)}`);
  const mark = (which, dash = "") => {
    const shape = which === "a"
      ? '<circle cx="13" cy="7" r="5"/>' : '<rect x="8" y="2" width="10" height="10"/>';
    const pattern = dash ? ` stroke-dasharray="${dash}"` : which === "b" ? ' stroke-dasharray="7 3"' : "";
    return `<svg width="26" height="14" aria-hidden="true" fill="${COLOURS[which]}" stroke="${COLOURS[which]}">` +
      `<path d="M0 7H26" stroke-width="2.5"${pattern}/>${dash ? "" : shape}</svg>`;
  };

  // The runs.

  async function inflate(text) {
    const bytes = Uint8Array.from(atob(text), (c) => c.charCodeAt(0));
    const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate"));
    return new Uint8Array(await new Response(stream).arrayBuffer());
  }
  function undo(bytes) {
    // Two planes of bytes, the sign in the last bit, differences along each path.
    const n = bytes.length / 2, long = data.steps + 1, out = new Int16Array(n);
    for (let i = 0, sum = 0; i < n; i++) {
      const coded = bytes[i] | (bytes[n + i] << 8);
      const apart = (coded >>> 1) ^ -(coded & 1);
      sum = i % long ? sum + apart : apart;
      out[i] = sum;
    }
    return out;
  }
  async function unpack(index) {
    if (!unpacked.has(index)) {
      const land = data.lands[index];
      const channels = (await Promise.all(land.channels.map(inflate))).map(undo);
      unpacked.set(index, { channels, lengths: await inflate(land.lengths) });
    }
    return unpacked.get(index);
  }

  const land = () => data.lands[state.land];
  const rule = (which) => data.rules[state[which].rule];
  const count = (list) => Math.max(1, list.length);

  // Which kind of gradient: the level whose noise is σ/√n, or with data, the batch.
  function level() {
    const here = land();
    if (here.rows !== null) return state.batch;
    const wanted = here.sigmas[state.sigma] / Math.sqrt(here.batches[state.batch]);
    let best = 0;
    here.levels.forEach((sigma, i) => {
      if (Math.abs(sigma - wanted) < Math.abs(here.levels[best] - wanted)) best = i;
    });
    return best;
  }
  // The number of the path in the order in which fastgd ran them.
  function place(which, lr = state[which].lr) {
    const here = land(), chosen = state[which];
    let run = 0;
    for (let i = 0; i < chosen.rule; i++) {
      run += count(data.rules[i].gammas) * count(data.rules[i].beta2s) * here.rates[i].length;
    }
    const setting = chosen.gamma * count(rule(which).beta2s) + chosen.beta2;
    run += setting * here.rates[chosen.rule].length + lr;
    return (run * here.levels.length + level()) * here.starts.length + state.start;
  }
  const power = (code) => Math.pow(10, code / data.decade);
  // The height of the drawn curve at x; beyond its ends, what the loss says.
  function height(x, gap) {
    const curve = model(`ground-${state.land}`).data_source.data;
    const last = curve.x.length - 1;
    const at = ((x - curve.x[0]) / (curve.x[last] - curve.x[0])) * last;
    if (at < 0 || at > last) return gap + land().least;
    const i = Math.min(Math.floor(at), last - 1);
    return curve.y[i] + (at - i) * (curve.y[i + 1] - curve.y[i]);
  }
  function path(which, lr) {
    const { channels, lengths } = unpacked.get(state.land);
    const here = land(), at = place(which, lr), from = at * (data.steps + 1), d = here.dimension;
    const end = lengths[at], signs = here.mirrors[state.sign];
    const found = { x: [], y: [], gap: [], square: rule(which).plain ? [] : null, end };
    for (let t = 0; t <= end; t++) {
      const p = [];
      for (let j = 0; j < d; j++) {
        const offset = (channels[j][from + t] / data.places) * here.half[j];
        // A mirrored start has the mirrored path, and the middle of such a window is 0.
        p.push(signs[j] * (here.centre[j] + offset));
      }
      const gap = power(channels[d][from + t]);
      found.x.push(p[0]);
      found.y.push(d === 1 ? height(p[0], gap) : p[1]);
      found.gap.push(gap);
      if (found.square) found.square.push(power(channels[d + 1][from + t]));
    }
    return found;
  }

  // The theorems. At a rate η ≤ 1/β a function is 1/η-smooth too, which is what 1, 2, 5 ask for.

  function facts(which) {
    const here = land(), start = here.starts[state.start], signs = here.mirrors[state.sign];
    const point = start.map((v, j) => v * signs[j]);
    const distance2 = Math.min(...here.minima.map(
      (m) => m.reduce((sum, v, j) => sum + (v - point[j]) ** 2, 0)));
    const batch = here.batches[state.batch];
    const exact = here.rows !== null ? batch === here.rows : here.sigmas[state.sigma] === 0;
    const sigma2 = exact ? 0 : here.rows !== null ? here.sigma2 : here.sigmas[state.sigma] ** 2;
    const eta = here.rates[state[which].rule][state[which].lr];
    const gap = here.values[state.start] - here.least;
    return { distance2, batch, exact, sigma2, eta, gap, beta: here.beta,
      allowed: eta * here.beta <= 1 + 1e-9, smooth: here.smooth, convex: here.convex };
  }
  const shrunk = (eta, t) => eta / (1 + t / 10);
  // For the loss and for the squared gradient: which theorem, its bound after T steps, its floor.
  function theorems(which) {
    const f = facts(which), name = rule(which).name;
    const found = { loss: null, slope: null, why: "" };
    const sequence = name === "nesterov" && rule(which).gammas[state[which].gamma] === "nesterov";
    if (!rule(which).plain && name !== "nesterov") found.why = "noRule";
    else if (name === "nesterov" && !sequence) found.why = "noSequence";
    else if (name === "nesterov" && !f.exact) found.why = "noFull";
    else if (!f.smooth) found.why = "noBeta";
    else if (!f.allowed) found.why = "noRate";
    else if (sequence) {
      if (f.convex) {
        found.loss = { k: 5, bound: (T) => (2 * f.distance2) / (f.eta * (T + 1) ** 2) };
      } else found.why = "noRule";
    } else if (name === "gd") {
      if (f.exact && f.convex) found.loss = { k: 1, bound: (T) => f.distance2 / (2 * f.eta * T) };
      const floor = (f.eta * f.beta * f.sigma2) / f.batch;
      const bound = (T) => floor + (2 * f.gap) / (f.eta * T);
      found.slope = { k: f.exact ? 2 : f.batch === 1 ? 3 : 4, bound, floor: f.exact ? null : floor };
    } else {
      const noise = (f.beta * f.sigma2) / f.batch;
      const bound = (T) => {
        let sum = 0, squares = 0;
        for (let t = 0; t < T; t++) {
          sum += shrunk(f.eta, t);
          squares += shrunk(f.eta, t) ** 2;
        }
        return (2 * f.gap + noise * squares) / sum;
      };
      found.slope = { k: 6, bound, floor: null };
    }
    return found;
  }
  // What the theorem of plain descent is about: the least, the mean, the weighted mean of ‖∇L‖².
  function observed(which, squares) {
    const f = facts(which), kept = [];
    let sum = 0, weights = 0, least = Infinity;
    squares.slice(0, -1).forEach((value, t) => {
      const weight = rule(which).name === "decreasing" ? shrunk(f.eta, t) : 1;
      sum += weight * value;
      weights += weight;
      least = Math.min(least, value);
      kept.push(rule(which).name === "gd" && f.exact ? least : sum / weights);
    });
    return kept;
  }

  // Drawing.

  function model(name) {
    if (!models.has(name)) models.set(name, Bokeh.documents[0].get_model_by_name(name));
    return models.get(name);
  }
  const put = (name, x, y) => { model(name).data = { x, y }; };
  const upto = (list, n) => list.slice(0, n);
  const steps = (from, to) => Array.from({ length: Math.max(0, to - from + 1) }, (_, i) => from + i);
  // An axis around what is drawn, with room on top for a mark where it is asked for.
  function span(name, lists, widen = 1.6, room = 0) {
    const values = lists.flat().filter((v) => v > 0 && Number.isFinite(v));
    if (!values.length) return;
    let low = Math.max(LOWEST, Math.min(...values)), high = Math.min(1e12, Math.max(...values));
    if (high < 10 * low) { low /= 3; high *= 3; }
    const range = model(name).y_range;
    range.setv({ start: low / widen, end: high * widen * (high / low) ** room });
  }

  function drawMap(paths) {
    const here = land(), t = state.step;
    for (const which of ["a", "b"]) {
      const p = paths[which], n = Math.min(t, p.end);
      put(`map-${which}`, upto(p.x, n + 1), upto(p.y, n + 1));
      put(`map-head-${which}`, [p.x[n]], [p.y[n]]);
    }
    put("map-start", [paths.a.x[0]], [paths.a.y[0]]);
    const all = allStarts();
    put("map-starts", all.map((s) => s.x), all.map((s) => s.y));
    const flat = here.dimension === 1;
    put("map-minima", here.minima.map((m) => m[0]), here.minima.map((m) => (flat ? here.least : m[1])));
    const own = here.own;
    put("map-own", own ? own.points.map((p) => p[0]) : [],
      own ? own.points.map((p, i) => (flat ? own.gaps[i] + here.least : p[1])) : []);
  }
  function drawCurves(paths, bounds) {
    const t = state.step, seen = { loss: [], slope: [] }, own = land().own;
    let anySlope = false;
    for (const which of ["a", "b"]) {
      const p = paths[which], whole = steps(0, p.end), now = Math.min(t, p.end);
      put(`loss-whole-${which}`, whole, p.gap);
      put(`loss-${which}`, upto(whole, now + 1), upto(p.gap, now + 1));
      seen.loss.push(p.gap);
      const later = steps(1, data.steps);
      const line = bounds[which].loss ? later.map(bounds[which].loss.bound) : [];
      put(`loss-bound-${which}`, line.length ? later : [], line);
      put(`loss-floor-${which}`, [], []);
      seen.loss.push(line);
      const about = p.square ? observed(which, p.square) : [];
      anySlope ||= about.length > 0;
      const at = steps(1, about.length);
      put(`slope-whole-${which}`, at, about);
      put(`slope-${which}`, upto(at, now), upto(about, now));
      const theorem = bounds[which].slope;
      const limit = theorem ? later.map(theorem.bound) : [];
      put(`slope-bound-${which}`, theorem ? later : [], limit);
      const floor = theorem && theorem.floor ? [theorem.floor, theorem.floor] : [];
      put(`slope-floor-${which}`, floor.length ? [0, data.steps] : [], floor);
      seen.slope.push(about, limit, floor);
    }
    put("loss-own", own ? own.steps : [], own ? own.gaps.map((v) => Math.max(v, LOWEST)) : []);
    put("slope-own", [], []);
    span("loss", seen.loss);
    if (anySlope) span("slope", seen.slope);
    $("slope-figure").classList.toggle("empty", !anySlope);
    const legend = (kind) => ["a", "b"].filter((w) => kind === "loss" || paths[w].square).map((w) => {
      const title = rule(w).title[state.language], theorem = bounds[w][kind];
      const entries = [`<span>${mark(w)}${title}</span>`];
      if (theorem) {
        entries.push(`<span>${mark(w, "4 4")}${word("bound", { r: w.toUpperCase(), k: theorem.k })}</span>`);
        if (theorem.floor) {
          entries.push(`<span>${mark(w, "1.5 4")}${word("floor", { r: w.toUpperCase() })}</span>`);
        }
      }
      return entries.join("");
    }).join("") + (kind === "loss" && own ? `<span>┈ ${word("own")}</span>` : "");
    $("loss-legend").innerHTML = legend("loss");
    $("slope-legend").innerHTML = anySlope ? legend("slope") : word("noSlope");
  }
  function drawRates() {
    const here = land(), ends = [], used = [];
    for (const which of ["a", "b"]) {
      const list = here.rates[state[which].rule];
      const last = list.map((_, i) => path(which, i).gap.at(-1));
      const now = state[which].lr;
      put(`rates-${which}`, list, last);
      put(`rates-now-${which}`, [list[now]], [last[now]]);
      ends.push(last);
      used.push(...list);
    }
    span("rates", ends, 3, 0.16);
    const low = Math.min(...used), high = Math.max(...used);
    model("rates").x_range.setv({ start: low / 1.3, end: high * 1.3 });
    for (const [name, times] of [["one", 1], ["two", 2]]) {
      model(`rates-${name}`).location = times / here.beta;
      model(`rates-${name}-text`).setv({ x: times / here.beta, y: model("rates").y_range.end });
    }
    $("rates-legend").innerHTML = ["a", "b"]
      .map((w) => `<span>${mark(w)}${rule(w).title[state.language]}</span>`).join("");
  }
  function say(paths, bounds) {
    for (const which of ["a", "b"]) {
      const card = $(`rule-${which}`), p = paths[which], chosen = rule(which), f = facts(which);
      const gone = p.end < data.steps;
      const outcome = card.querySelector(".outcome");
      outcome.textContent = gone ? word("leaves", { t: p.end })
        : word("ends", { t: p.end, v: small(p.gap.at(-1)) });
      outcome.classList.toggle("no", gone);
      const found = bounds[which], lines = [];
      for (const kind of ["loss", "slope"]) {
        const one = found[kind];
        if (one) lines.push(word(`theorem${one.k}`, { v: number(one.bound(data.steps)) }));
      }
      const theorem = card.querySelector(".theorem");
      theorem.innerHTML = lines.join("\n") || word(found.why);
      theorem.classList.toggle("no", !lines.length);
      const robbins = card.querySelector(".robbins");
      robbins.textContent = word(chosen.robbins ? "robbinsYes" : "robbinsNo");
      robbins.classList.toggle("yes", chosen.robbins);
      robbins.classList.toggle("no", !chosen.robbins);
      const times = chosen.scale === "length" ? "" : ` = ${number(f.eta * f.beta)} / β`;
      card.querySelector(".lr output").textContent = number(f.eta) + times;
      if (chosen.gammas.length) {
        const gamma = chosen.gammas[state[which].gamma];
        card.querySelector(".gamma output").textContent =
          gamma === "nesterov" ? word("sequence") : number(gamma);
      }
      if (chosen.beta2s.length) {
        card.querySelector(".beta2 output").textContent = number(chosen.beta2s[state[which].beta2]);
      }
    }
    const here = land(), f = facts("a"), sigma = here.sigmas[state.sigma];
    $("sigma-text").textContent = sigma ? number(sigma) : word("none");
    $("batch-text").textContent = f.batch === here.rows ? word("all", { n: f.batch }) : f.batch;
    $("noise-text").textContent = f.exact ? word("exact") : here.rows !== null
      ? word("drawn", { n: f.batch, s: number(here.sigma2) })
      : word("noisy", { n: f.batch, s: number(sigma / Math.sqrt(f.batch)) });
    $("step").value = state.step;
    $("step-text").textContent = `t = ${state.step} / ${data.steps}`;
  }
  async function draw() {
    const index = state.land;
    await unpack(index);
    if (index !== state.land) return;
    const paths = { a: path("a"), b: path("b") };
    const bounds = { a: theorems("a"), b: theorems("b") };
    drawMap(paths);
    drawCurves(paths, bounds);
    drawRates();
    say(paths, bounds);
    keep();
    document.body.dataset.drawn = String(Number(document.body.dataset.drawn || 0) + 1);
  }

  // Controls.

  function allStarts() {
    const here = land(), found = [];
    here.mirrors.forEach((signs, sign) => here.starts.forEach((s, start) => {
      const x = s[0] * signs[0], y = here.dimension === 1 ? here.values[start] : s[1] * signs[1];
      found.push({ x, y, sign, start });
    }));
    return found;
  }
  function tap(x, y) {
    const [[left, right], [bottom, top]] = land().window;
    let best = null, least = Infinity;
    for (const one of allStarts()) {
      // On a curve the nearest place is that of the nearest parameter.
      const up = land().dimension === 1 ? 0 : (one.y - y) / (top - bottom);
      const away = ((one.x - x) / (right - left)) ** 2 + up ** 2;
      if (away < least) [best, least] = [one, away];
    }
    Object.assign(state, { start: best.start, sign: best.sign });
    draw();
  }
  function nearestRate(list, wanted) {
    let best = 0;
    list.forEach((v, i) => {
      if (Math.abs(Math.log(v / wanted)) < Math.abs(Math.log(list[best] / wanted))) best = i;
    });
    return best;
  }
  // A rate to begin with: half of 1/β, or a step that is seen.
  function usualRate(ruleIndex) {
    const list = land().rates[ruleIndex], { scale } = data.rules[ruleIndex];
    if (scale === "length") return Math.floor(list.length * 0.64);
    return nearestRate(list, (scale === "late" ? 2 : 0.5) / land().beta);
  }
  function chooseRule(which, index) {
    const chosen = data.rules[index];
    const gamma = chosen.gammas.includes("nesterov") ? chosen.gammas.length - 1
      : Math.max(0, chosen.gammas.indexOf(0.9));
    Object.assign(state[which], { rule: index, gamma, beta2: chosen.beta2s.length > 2 ? 2 : 0 });
    state[which].lr = usualRate(index);
    shape(which);
  }
  // The sliders that a rule has, with their ends.
  function shape(which) {
    const card = $(`rule-${which}`), chosen = rule(which), list = land().rates[state[which].rule];
    card.querySelector("select").value = state[which].rule;
    card.querySelector(".formula").textContent = chosen.formula;
    const set = (name, length, value) => {
      const row = card.querySelector(`.${name}`), input = row.querySelector("input");
      row.classList.toggle("off", length < 2);
      input.max = Math.max(0, length - 1);
      input.value = value;
    };
    set("lr", list.length, state[which].lr);
    set("gamma", chosen.gammas.length, state[which].gamma);
    set("beta2", chosen.beta2s.length, state[which].beta2);
    card.querySelector(".gamma span").textContent = chosen.gamma;
    const ticks = card.querySelector(".ticks");
    ticks.innerHTML = "";
    if (chosen.scale === "length") return;
    for (const [text, times] of [["1/β", 1], ["2/β", 2]]) {
      const at = nearestRate(list, times / land().beta) / (list.length - 1);
      ticks.insertAdjacentHTML("beforeend", `<b style="left:${100 * at}%">${text}</b>`);
    }
  }
  function chooseLand(index, keepRates = false) {
    const old = { a: state.a.lr, b: state.b.lr };
    Object.assign(state, { land: index, start: 0, sign: 0, sigma: 0, batch: 0 });
    const here = land(), edges = here.window;
    data.lands.forEach((_, i) => { model(`ground-${i}`).visible = i === index; });
    const map = model("map");
    map.x_range.setv({ start: edges[0][0], end: edges[0][1] });
    map.y_range.setv({ start: edges[1][0], end: edges[1][1] });
    map.below[0].axis_label = here.axes[0];
    map.left[0].axis_label = here.dimension === 1 ? `L(${here.axes[0]})` : here.axes[1];
    for (const which of ["a", "b"]) {
      state[which].lr = keepRates ? old[which] : usualRate(state[which].rule);
      shape(which);
    }
    $("sigma-row").classList.toggle("off", here.sigmas.length < 2);
    $("batch-row").classList.toggle("off", here.batches.length < 2);
    Object.assign($("sigma"), { max: here.sigmas.length - 1, value: 0 });
    Object.assign($("batch"), { max: here.batches.length - 1, value: 0 });
    document.querySelectorAll("#lands button").forEach((one, i) => {
      one.setAttribute("aria-pressed", String(i === index));
    });
    translate();
  }
  function translate() {
    const { language } = state;
    document.documentElement.lang = language;
    document.title = `fastgd: ${word("title")}`;
    document.querySelectorAll("[data-word]").forEach((one) => {
      one.innerHTML = word(one.dataset.word, { n: data.steps });
    });
    document.querySelectorAll("[data-title]").forEach((one) => {
      one.title = word(one.dataset.title);
      one.setAttribute("aria-label", one.title);
    });
    document.querySelectorAll("[data-language]").forEach((one) => {
      one.setAttribute("aria-pressed", String(one.dataset.language === language));
    });
    document.querySelectorAll("#lands button").forEach((one, i) => {
      one.textContent = data.lands[i].title[language];
    });
    for (const which of ["a", "b"]) {
      const card = $(`rule-${which}`);
      card.querySelector("legend b").textContent = `${word("rule")} ${which.toUpperCase()}`;
      card.querySelectorAll("option").forEach((one, i) => {
        one.textContent = data.rules[i].title[language];
      });
    }
    $("note").textContent = land().note[language];
    for (const name of ["loss", "slope"]) model(name).below[0].axis_label = word("steps");
    model("rates").below[0].axis_label = "η";
  }
  function play(on = !timer) {
    clearInterval(timer);
    timer = 0;
    if (on) {
      if (state.step >= data.steps) state.step = 0;
      timer = setInterval(() => {
        state.step += 1;
        if (state.step >= data.steps) play(false);
        draw();
      }, 90);
    }
    $("play-icon").setAttribute("d", on ? "M3 2H6V14H3ZM10 2H13V14H10Z" : "M3 2L14 8L3 14Z");
    draw();
  }

  // The address keeps the state, so that a view can be marked and shown again.
  const FIELDS = ["land", "start", "sign", "sigma", "batch", "step", "language"];
  function keep() {
    const parts = FIELDS.map((name) => [name, state[name]]);
    for (const which of ["a", "b"]) {
      const { rule: r, lr, gamma, beta2 } = state[which];
      parts.push([which, [r, lr, gamma, beta2].join(".")]);
    }
    // A page inside a notebook may have no address of its own.
    try {
      history.replaceState(null, "", `#${new URLSearchParams(parts)}`);
    } catch { /* then it is not kept */ }
  }
  function recall() {
    const given = new URLSearchParams(location.hash.slice(1));
    const whole = (text, length) => {
      const n = Number(text);
      return Number.isInteger(n) && n >= 0 && n < length ? n : 0;
    };
    if (["en", "fr"].includes(given.get("language"))) state.language = given.get("language");
    chooseLand(whole(given.get("land"), data.lands.length));
    const here = land();
    for (const which of ["a", "b"]) {
      if (!given.has(which)) continue;
      const [r, lr, gamma, beta2] = given.get(which).split(".");
      chooseRule(which, whole(r, data.rules.length));
      state[which].lr = whole(lr, here.rates[state[which].rule].length);
      state[which].gamma = whole(gamma, count(rule(which).gammas));
      state[which].beta2 = whole(beta2, count(rule(which).beta2s));
      shape(which);
    }
    state.start = whole(given.get("start"), here.starts.length);
    state.sign = whole(given.get("sign"), here.mirrors.length);
    state.sigma = $("sigma").value = whole(given.get("sigma"), here.sigmas.length);
    state.batch = $("batch").value = whole(given.get("batch"), here.batches.length);
    if (given.has("step")) state.step = whole(given.get("step"), data.steps + 1);
  }

  function listen() {
    data.lands.forEach((_, i) => {
      const button = document.createElement("button");
      button.type = "button";
      button.addEventListener("click", () => { chooseLand(i); draw(); });
      $("lands").append(button);
    });
    for (const which of ["a", "b"]) {
      const card = $(`rule-${which}`);
      card.append($("rule").content.cloneNode(true));
      card.querySelector(".mark").innerHTML = mark(which);
      const select = card.querySelector("select");
      data.rules.forEach((_, i) => select.add(new Option("", i)));
      select.addEventListener("change", () => { chooseRule(which, Number(select.value)); draw(); });
      select.setAttribute("aria-labelledby", `legend-${which}`);
      card.querySelector("legend").id = `legend-${which}`;
      for (const name of ["lr", "gamma", "beta2"]) {
        const input = card.querySelector(`.${name} input`);
        input.addEventListener("input", () => { state[which][name] = Number(input.value); draw(); });
      }
    }
    for (const name of ["sigma", "batch", "step"]) {
      $(name).addEventListener("input", () => {
        if (name === "step") play(false);
        state[name] = Number($(name).value);
        draw();
      });
    }
    $("step").max = data.steps;
    $("play").addEventListener("click", () => play());
    $("back").addEventListener("click", () => { state.step = 0; play(false); });
    document.querySelectorAll("[data-language]").forEach((one) => {
      one.addEventListener("click", () => {
        state.language = one.dataset.language;
        translate();
        draw();
      });
    });
  }
  function begin() {
    const ready = window.Bokeh && Bokeh.documents.length && Bokeh.documents[0].get_model_by_name("map");
    if (!ready) {
      setTimeout(begin, 30);
      return;
    }
    state.language = document.documentElement.lang === "fr" ? "fr" : "en";
    listen();
    chooseRule("a", 0);
    chooseRule("b", data.rules.findIndex((one) => one.name === "nesterov"));
    recall();
    draw();
  }
  document.addEventListener("DOMContentLoaded", begin);
  return { tap, state, data, path, theorems, observed, facts };
})();
