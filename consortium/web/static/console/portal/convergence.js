"use strict";

// The picture of a network's convergence: drawn from the JSON in the page, then from what is asked for every few
// seconds. All words stand in the page; this file only puts numbers and names into them.
(function () {
  const page = document.querySelector("[data-convergence]");
  if (!page) return;
  const SVG = "http://www.w3.org/2000/svg";
  const PAUSE = 3000; // milliseconds between two questions
  const LOST = 60000; // after which an answer is no longer waited for
  const language = document.documentElement.lang;
  const count = new Intl.NumberFormat(language);
  const places = {};
  page.querySelectorAll("[data-place]").forEach(function (place) { places[place.dataset.place] = place; });
  const states = Array.from(page.querySelectorAll("[data-state]")).map(function (row) {
    return {
      name: row.dataset.state,
      label: row.querySelector("[data-label]").textContent,
      mark: row.querySelector("[data-mark]").textContent,
      number: row.querySelector("[data-number]"),
      row: row,
    };
  });
  const known = new Map(states.map(function (state) { return [state.name, state]; }));
  let shown = null;

  function words(form, values) {
    return form.replace(/\{(\w+)\}/g, function (whole, name) { return name in values ? values[name] : whole; });
  }

  function put(element, text) { if (element && element.textContent !== text) element.textContent = text; }

  function shape(name, attributes, text) {
    const element = document.createElementNS(SVG, name);
    Object.keys(attributes).forEach(function (key) { element.setAttribute(key, attributes[key]); });
    if (text !== undefined) element.textContent = text;
    return element;
  }

  function seconds(value) {
    if (value === null) return "–";
    if (value < 120) {
      const digits = value < 10 ? 2 : 0;
      return new Intl.NumberFormat(language, { style: "unit", unit: "second", unitDisplay: "short", maximumFractionDigits: digits }).format(value);
    }
    const unit = value < 7200 ? ["minute", 60] : ["hour", 3600];
    return new Intl.NumberFormat(language, { style: "unit", unit: unit[0], unitDisplay: "short", maximumFractionDigits: 1 }).format(value / unit[1]);
  }

  // Parts of a whole, the best first: what is done stands at the left.
  function bar(counts, total, className) {
    const picture = shape("svg", { class: className, viewBox: "0 0 1000 10", preserveAspectRatio: "none", "aria-hidden": "true" });
    let at = 0;
    states.slice().reverse().forEach(function (state) {
      const part = 1000 * (counts[state.name] || 0) / Math.max(1, total);
      if (!part) return;
      picture.append(shape("rect", { class: "s-" + state.name, x: at, y: 0, width: Math.max(part, 3), height: 10 }));
      at += part;
    });
    return picture;
  }

  function said(counts) {
    return states.filter(function (state) { return counts[state.name]; }).map(function (state) {
      return state.label + ": " + count.format(counts[state.name]);
    }).join(", ");
  }

  function drawCells(data) {
    const box = places.cells;
    const before = new Map(Array.from(box.children).map(function (item) { return [item.dataset.id, item]; }));
    const fresh = data.cells.map(function (cell) {
      const item = before.get(cell.id) || document.createElement("li");
      const state = known.get(cell.state);
      const text = cell.name + ": " + state.label + (cell.alarms ? ", " + page.dataset.alarm : "");
      if (item.title === text) return item;
      item.dataset.id = cell.id;
      item.title = text;
      item.className = "cell s-" + cell.state + (cell.alarms ? " alarmed" : "");
      const link = document.createElement("a");
      link.href = page.dataset.node.replace("00000000-0000-0000-0000-000000000000", cell.id);
      const mark = document.createElement("span");
      mark.setAttribute("aria-hidden", "true");
      mark.textContent = state.mark;
      const name = document.createElement("span");
      name.className = "sr";
      name.textContent = text;
      link.append(mark, name);
      item.replaceChildren(link);
      return item;
    });
    const same = fresh.length === box.children.length && fresh.every(function (item, number) { return box.children[number] === item; });
    if (!same) box.replaceChildren.apply(box, fresh);
    box.hidden = !fresh.length;
  }

  function drawGroups(data) {
    const box = places.groups;
    box.hidden = !data.groups.length;
    put(places.left, data.groups_left_out ? words(places.left.dataset.form, { n: count.format(data.groups_left_out) }) : "");
    const before = new Map(Array.from(box.children).map(function (item) { return [item.dataset.name, item]; }));
    box.replaceChildren.apply(box, data.groups.map(function (group) {
      const total = Object.values(group.counts).reduce(function (sum, part) { return sum + part; }, 0);
      const done = (group.counts.applied || 0) + (group.counts.verified || 0);
      const text = said(group.counts);
      const kept = before.get(group.institution);
      if (kept && kept.title === text) return kept;
      const item = document.createElement("li");
      item.dataset.name = group.institution;
      item.title = text;
      const name = document.createElement("span");
      name.className = "name";
      name.textContent = group.institution;
      const number = document.createElement("span");
      number.className = "number";
      number.textContent = count.format(done) + " / " + count.format(total);
      const all = document.createElement("span");
      all.className = "sr";
      all.textContent = text;
      item.append(name, bar(group.counts, total, "part"), number, all);
      return item;
    }));
  }

  // Nodes that have reported, by seconds since the list was published; drawn as wide as it is shown.
  function drawCurve(data) {
    const box = places.curve;
    const points = data.curve;
    const wide = Math.max(240, Math.floor(box.clientWidth)), high = 190;
    const left = 46, right = 12, top = 26, bottom = 26;
    put(places.nocurve, points.length ? "" : places.nocurve.dataset.form);
    if (!points.length) { box.replaceChildren(); return; }
    const since = (Date.parse(data.at) - Date.parse(data.published_at)) / 1000;
    const lastAt = points[points.length - 1][0];
    const open = data.done < data.listed;
    const end = Math.max(0.5, open ? Math.min(Math.max(since, lastAt), lastAt * 3 + 30) : lastAt * 1.05);
    const most = Math.max(data.listed, points[points.length - 1][1], 1);
    function x(at) { return left + (wide - left - right) * Math.min(at, end) / end; }
    function y(nodes) { return high - bottom - (high - top - bottom) * nodes / most; }
    const picture = shape("svg", { viewBox: "0 0 " + wide + " " + high, width: wide, height: high, "aria-hidden": "true" });
    [0, 0.5, 1].forEach(function (part) {
      picture.append(shape("line", { class: "grid", x1: left, x2: wide - right, y1: y(most * part), y2: y(most * part) }));
      picture.append(shape("text", { class: "label", x: left - 6, y: y(most * part) + 4, "text-anchor": "end" }, count.format(Math.round(most * part))));
    });
    picture.append(shape("text", { class: "label", x: left, y: high - 8 }, seconds(0)));
    picture.append(shape("text", { class: "label", x: wide - right, y: high - 8, "text-anchor": "end" }, seconds(end)));
    const line = points.map(function (point) { return [x(point[0]), y(point[1])]; });
    line.push([x(open ? end : lastAt), line[line.length - 1][1]]);
    const path = line.reduce(function (text, point, number) {
      return text + (number ? "H" + point[0].toFixed(1) + "V" + point[1].toFixed(1) : "M" + point[0].toFixed(1) + " " + point[1].toFixed(1));
    }, "");
    picture.append(shape("path", { class: "area", d: path + "V" + y(0) + "H" + x(0) + "Z" }));
    picture.append(shape("path", { class: "line", d: path }));
    const both = Math.abs(x(data.latency.p99 || 0) - x(data.latency.p50 || 0));
    [["p50", 0], ["p99", both < 60 ? 12 : 0]].forEach(function (pair) {
      const value = data.latency[pair[0]];
      if (value === null) return;
      const near = x(value) > wide - 60;
      picture.append(shape("line", { class: "mark", x1: x(value), x2: x(value), y1: top - 4, y2: high - bottom }));
      picture.append(shape("text", { class: "label strong", x: x(value) + (near ? -4 : 4), y: top - 12 + pair[1], "text-anchor": near ? "end" : "start" }, pair[0]));
    });
    box.replaceChildren(picture);
  }

  function draw(data) {
    shown = data;
    put(places.epoch, data.epoch === null ? "–" : count.format(data.epoch));
    put(places.done, count.format(data.done) + " / " + count.format(data.listed));
    put(places.p50, seconds(data.latency.p50));
    put(places.p99, seconds(data.latency.p99));
    put(places.alarms, count.format(data.alarms));
    put(places.said, words(page.dataset.said, { done: count.format(data.done), listed: count.format(data.listed) }));
    states.forEach(function (state) {
      const number = data.counts[state.name] || 0;
      put(state.number, count.format(number));
      state.row.classList.toggle("nobody", !number);
    });
    places.bar.replaceChildren(bar(data.counts, data.listed, "whole"));
    drawCells(data);
    drawGroups(data);
    drawCurve(data);
  }

  let asked = 0;
  function ask() {
    if (document.hidden || (asked && Date.now() - asked < LOST)) return;
    const mine = asked = Date.now();
    fetch(page.dataset.url, { credentials: "same-origin", headers: { Accept: "application/json" } })
      .then(function (answer) {
        if (!answer.ok || answer.redirected) throw new Error(String(answer.status));
        return answer.json();
      })
      .then(function (data) { places.stale.hidden = true; draw(data); })
      .catch(function () { places.stale.hidden = false; })
      .then(function () { if (asked === mine) asked = 0; });
  }

  draw(JSON.parse(document.getElementById("picture").textContent));
  setInterval(ask, PAUSE);
  window.addEventListener("resize", function () { if (shown) drawCurve(shown); });
})();
