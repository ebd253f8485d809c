// The report's conveniences: print, and closing what hangs over the page. Without it everything still reads.
(function () {
  "use strict";

  function closeMenus(except) {
    document.querySelectorAll("details.menu[open]").forEach(function (menu) {
      if (menu !== except) menu.open = false;
    });
  }

  document.addEventListener("click", function (event) {
    closeMenus(event.target.closest("details.menu"));
    if (event.target.closest("[data-print]")) { closeMenus(null); window.print(); return; }
    var shown = event.target.closest("button.hover");
    if (shown) shown.classList.remove("dismissed");
  });

  document.addEventListener("keydown", function (event) {
    if (event.key !== "Escape") return;
    closeMenus(null);
    document.querySelectorAll("button.hover").forEach(function (button) { button.classList.add("dismissed"); });
  });

  ["focusin", "mouseover"].forEach(function (name) {
    document.addEventListener(name, function (event) {
      var shown = event.target.closest && event.target.closest("button.hover.dismissed");
      if (shown && !(event.relatedTarget && shown.contains(event.relatedTarget))) shown.classList.remove("dismissed");
    });
  });
})();
