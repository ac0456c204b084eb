"use strict";

// Everything here only adds comfort: the pages work without it.

// The viewer's time zone, for the next page's times.
(function () {
  const zone = Intl.DateTimeFormat().resolvedOptions().timeZone;
  if (!zone || document.cookie.split("; ").includes("zone=" + zone)) return;
  const secure = location.protocol === "https:" ? "; Secure" : "";
  document.cookie = "zone=" + zone + "; Path=/; Max-Age=31536000; SameSite=Lax" + secure;
})();

// Copy buttons beside commands.
document.querySelectorAll("[data-copy]").forEach(function (box) {
  const button = box.querySelector("button");
  const source = box.querySelector("pre");
  if (!button || !source || !navigator.clipboard) return;
  button.hidden = false;
  button.addEventListener("click", function () {
    navigator.clipboard.writeText(source.textContent.trim()).then(function () {
      const before = button.textContent;
      button.textContent = button.dataset.done;
      setTimeout(function () { button.textContent = before; }, 1500);
    });
  });
});

// A chosen language takes effect at once.
document.querySelectorAll("select[data-submit]").forEach(function (select) {
  select.addEventListener("change", function () { select.form.submit(); });
});

// While members vote, the tally is fetched anew; a form that somebody is filling in stays as it is.
(function () {
  const live = document.querySelector("[data-live]");
  if (!live) return;
  let since = 0; // when the answer under way was asked for; one that is lost holds nobody up for good
  setInterval(function () {
    if (document.hidden || (since && Date.now() - since < 60000)) return;
    const asked = since = Date.now();
    fetch(location.href, { credentials: "same-origin" })
      .then(function (answer) { return answer.ok && !answer.redirected ? answer.text() : null; })
      .then(function (page) {
        if (page === null) return;
        const fresh = new DOMParser().parseFromString(page, "text/html").querySelector("[data-live]");
        if (fresh) live.replaceChildren.apply(live, Array.from(fresh.childNodes));
      })
      .catch(function () { /* the next turn asks again */ })
      .then(function () { if (since === asked) since = 0; });
  }, 5000);
})();

// The time left of a vote, counted down; the server's words stand where this does not run.
(function () {
  const units = [["day", 86400], ["hour", 3600], ["minute", 60], ["second", 1]];
  const language = document.documentElement.lang;
  const loaded = Date.now();
  function words(seconds) {
    const parts = [];
    let rest = seconds;
    units.forEach(function (unit) {
      const count = Math.floor(rest / unit[1]);
      rest -= count * unit[1];
      if ((count || parts.length || unit[0] === "second") && parts.length < 3) {
        parts.push(new Intl.NumberFormat(language, { style: "unit", unit: unit[0], unitDisplay: "long" }).format(count));
      }
    });
    return parts.join(" ");
  }
  setInterval(function () {
    document.querySelectorAll("[data-left]").forEach(function (place) {
      if (!place.dataset.until) {
        place.dataset.until = String((place.closest("[data-live]") ? Date.now() : loaded) + 1000 * Number(place.dataset.left));
      }
      const left = Math.max(0, Math.round((Number(place.dataset.until) - Date.now()) / 1000));
      place.textContent = (place.dataset.form || "§").replace("§", words(left));
    });
  }, 1000);
})();
