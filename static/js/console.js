// The console's small conveniences; every page works without them.
(function () {
  "use strict";

  function currentTheme() {
    var chosen = document.documentElement.dataset.theme;
    if (chosen) return chosen;
    return matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light";
  }

  function switchTheme() {
    var next = currentTheme() === "dark" ? "light" : "dark";
    document.documentElement.dataset.theme = next;
    try { localStorage.setItem("headway-theme", next); } catch (blocked) { /* private mode: this page only */ }
  }

  function toggleMenu(button) {
    var open = document.body.classList.toggle("menu-open");
    button.setAttribute("aria-expanded", String(open));
  }

  function moveSelection(step) {
    var rows = Array.prototype.slice.call(document.querySelectorAll("[data-row] a[data-open]"));
    if (!rows.length) return;
    var at = rows.indexOf(document.activeElement);
    rows[Math.max(0, Math.min(rows.length - 1, at + step))].focus();
  }

  function isTyping(element) {
    return element.matches("input, textarea, select, [contenteditable]");
  }

  function onKey(event) {
    if (event.ctrlKey || event.metaKey || event.altKey || isTyping(event.target)) return;
    var search = document.querySelector("[data-search]");
    if (event.key === "j") moveSelection(1);
    else if (event.key === "k") moveSelection(-1);
    else if (event.key === "/" && search) search.focus();
    else if (event.key === "[" || event.key === "]") {
      var link = document.querySelector(event.key === "[" ? "[data-previous]" : "[data-next]");
      if (link) link.click();
      return;
    } else return;
    event.preventDefault();
  }

  document.addEventListener("click", function (event) {
    var target = event.target.closest("[data-theme-toggle], [data-menu]");
    if (!target) return;
    if (target.hasAttribute("data-menu")) toggleMenu(target);
    else switchTheme();
  });
  document.addEventListener("keydown", onKey);
})();
