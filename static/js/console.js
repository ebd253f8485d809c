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

  function showKeys() {
    var dialog = document.getElementById("keys");
    if (dialog && !dialog.open) dialog.showModal();
  }

  // "g" and then the letter of a menu entry; whatever is typed in between ends it.
  var isGoing = false;

  function goTo(key) {
    var links = Array.prototype.slice.call(document.querySelectorAll("#rail a[data-key]"));
    var link = links.find(function (one) { return one.dataset.key === key; });
    if (link) link.click();
  }

  function onKey(event) {
    if (event.ctrlKey || event.metaKey || event.altKey || isTyping(event.target)) return;
    if (event.target.closest("dialog")) return;
    var search = document.querySelector("[data-search]");
    var wasGoing = isGoing;
    isGoing = event.key === "g" && !wasGoing;
    if (wasGoing) goTo(event.key);
    else if (event.key === "j") moveSelection(1);
    else if (event.key === "k") moveSelection(-1);
    else if (event.key === "?") showKeys();
    else if (event.key === "/" && search) search.focus();
    else if (event.key === "[" || event.key === "]") {
      var link = document.querySelector(event.key === "[" ? "[data-previous]" : "[data-next]");
      if (link) link.click();
      return;
    } else return;
    event.preventDefault();
  }

  document.addEventListener("click", function (event) {
    var target = event.target.closest("[data-theme-toggle], [data-menu], [data-keys]");
    if (!target) return;
    if (target.hasAttribute("data-menu")) toggleMenu(target);
    else if (target.hasAttribute("data-keys")) showKeys();
    else switchTheme();
  });
  document.addEventListener("keydown", onKey);
})();
