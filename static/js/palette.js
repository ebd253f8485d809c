// The palette: a dialog with a combobox. The server finds; arrows choose, Enter opens. See /find/ without it.
(function () {
  "use strict";
  var dialog = document.getElementById("palette");
  if (!dialog || !dialog.showModal) return;
  var input = dialog.querySelector("input");
  var list = dialog.querySelector("[role=listbox]");

  function options() {
    return Array.prototype.slice.call(list.querySelectorAll("[role=option]:not([aria-disabled])"));
  }

  function chosen() {
    return list.querySelector("[aria-selected=true]");
  }

  function choose(option) {
    var before = chosen();
    if (before) before.setAttribute("aria-selected", "false");
    if (!option) { input.removeAttribute("aria-activedescendant"); return; }
    option.setAttribute("aria-selected", "true");
    input.setAttribute("aria-activedescendant", option.id);
    option.scrollIntoView({ block: "nearest" });
  }

  function move(step) {
    var all = options();
    if (!all.length) return;
    choose(all[(all.indexOf(chosen()) + step + all.length) % all.length]);
  }

  function go(option, elsewhere) {
    if (!option || !option.dataset.address) return;
    if (elsewhere) { window.open(option.dataset.address, "_blank", "noopener"); return; }
    dialog.close();
    location.assign(option.dataset.address);
  }

  function open() {
    if (dialog.open) { dialog.close(); return true; }
    dialog.showModal();
    input.select();
    window.htmx.trigger(input, "ask");
    return true;
  }

  input.addEventListener("keydown", function (event) {
    if (event.key === "ArrowDown") move(1);
    else if (event.key === "ArrowUp") move(-1);
    else if (event.key === "Enter" && chosen()) go(chosen(), event.ctrlKey || event.metaKey);
    else return;
    event.preventDefault();
  });
  list.addEventListener("click", function (event) {
    go(event.target.closest("[role=option]"), event.ctrlKey || event.metaKey);
  });
  list.addEventListener("htmx:afterSwap", function () { choose(options()[0]); });
  dialog.addEventListener("click", function (event) { if (event.target === dialog) dialog.close(); });
  window.headwayPalette = { open: open };
})();
