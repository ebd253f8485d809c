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
    keep("theme", next);
  }

  function keep(name, value) {
    document.documentElement.dataset[name] = value;
    try { localStorage.setItem("headway-" + name, value); } catch (blocked) { /* private mode: this page only */ }
  }

  function isCompact() {
    return document.documentElement.dataset.density === "compact";
  }

  function switchDensity() {
    keep("density", isCompact() ? "comfortable" : "compact");
    showDensity();
  }

  function showDensity() {
    var button = document.querySelector("[data-density-toggle]");
    if (button) button.setAttribute("aria-pressed", String(isCompact()));
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

  // "r" and "e": the report and the exploration of this experiment, or of the row that has the focus.
  function toExperiment(part) {
    var row = document.activeElement.closest("[data-row]");
    var link = row && row.querySelector("a[data-open]");
    var from = link ? new URL(link.href).pathname : location.pathname;
    var found = /^\/experiments\/([a-z0-9][a-z0-9-]*)\//.exec(from);
    if (found && ["new", "portfolio", "tools", "filters"].indexOf(found[1]) < 0) {
      location.assign("/experiments/" + found[1] + "/" + part + "/");
    }
  }

  // "g" and then the letter of a menu entry; whatever is typed in between ends it.
  var isGoing = false;

  function goTo(key) {
    var links = Array.prototype.slice.call(document.querySelectorAll("#rail a[data-key]"));
    var link = links.find(function (one) { return one.dataset.key === key; });
    if (link) link.click();
  }

  // Keys that follow a link of the page: the looks before and after this one, and the next step.
  var FOLLOWED = { "[": "[data-previous]", "]": "[data-next]", n: "[data-next-step]" };

  function onKey(event) {
    if ((event.ctrlKey || event.metaKey) && !event.altKey && !event.shiftKey && event.key.toLowerCase() === "k") {
      if (window.headwayPalette && window.headwayPalette.open()) event.preventDefault();
      return;
    }
    if (event.ctrlKey || event.metaKey || event.altKey || isTyping(event.target)) return;
    if (event.target.closest("dialog")) return;
    var search = document.querySelector("[data-search]");
    var wasGoing = isGoing;
    isGoing = event.key === "g" && !wasGoing;
    if (wasGoing) goTo(event.key);
    else if (event.key === "j") moveSelection(1);
    else if (event.key === "k") moveSelection(-1);
    else if (event.key === "?") showKeys();
    else if (event.key === "r") toExperiment("report");
    else if (event.key === "e") toExperiment("explore");
    else if (event.key === "/" && search) search.focus();
    else if (FOLLOWED[event.key]) {
      var link = document.querySelector(FOLLOWED[event.key]);
      if (link) link.click();
      return;
    } else return;
    event.preventDefault();
  }

  document.addEventListener("click", function (event) {
    var target = event.target.closest("[data-theme-toggle], [data-density-toggle], [data-menu], [data-keys], [data-palette]");
    closeMenus(event.target.closest("details.user-menu"));
    if (!target) return;
    if (target.hasAttribute("data-menu")) toggleMenu(target);
    else if (target.hasAttribute("data-density-toggle")) switchDensity();
    else if (target.hasAttribute("data-palette")) openPalette(event);
    else if (target.hasAttribute("data-keys")) showKeys();
    else switchTheme();
  });
  function closeMenus(except) {
    document.querySelectorAll("details.user-menu[open]").forEach(function (menu) {
      if (menu !== except) menu.open = false;
    });
  }

  // Without the script, and in a new tab, the link leads to the page that searches.
  function openPalette(event) {
    if (event.ctrlKey || event.metaKey || event.shiftKey) return;
    if (window.headwayPalette && window.headwayPalette.open()) event.preventDefault();
  }

  // A link to something that is folded away unfolds it.
  function unfold() {
    var target = location.hash.length > 1 && document.getElementById(decodeURIComponent(location.hash.slice(1)));
    if (target && target.matches("details")) { target.open = true; target.scrollIntoView(); }
  }

  document.addEventListener("keydown", function (event) {
    if (event.key !== "Escape") return;
    var open = document.querySelector("details.user-menu[open]");
    if (open) { open.open = false; open.querySelector("summary").focus(); }
  });
  document.addEventListener("keydown", onKey);
  window.addEventListener("hashchange", unfold);
  showDensity();
  unfold();
})();
