// Of a draft's fields, shows those of its kind; what is hidden is not sent. Without scripts all are there.
"use strict";

document.addEventListener("DOMContentLoaded", () => {
  const kind = document.querySelector("select[name=kind]");
  if (!kind) return;
  const fields = [...document.querySelectorAll("[data-kinds]")];

  const show = () => {
    for (const field of fields) {
      const wanted = field.dataset.kinds.split(" ").includes(kind.value);
      field.hidden = !wanted;
      for (const input of field.querySelectorAll("input, select, textarea")) input.disabled = !wanted;
    }
  };

  kind.addEventListener("change", show);
  window.addEventListener("pageshow", show);
  show();
});
