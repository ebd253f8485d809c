// The palette: a dialog with a combobox. The server finds; arrows choose, Enter opens. See /find/ without it.
(function () {
  "use strict";
  var dialog = document.getElementById("palette");
  if (!dialog || !dialog.showModal) return;
  var input = dialog.querySelector("input");
  var list = dialog.querySelector("[role=listbox]");
  var asked = null; // the words of the newest question
  var answered = null; // the words that the list answers
  var wanted = null; // Enter came before the answer: whether to open elsewhere

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
    answered = wanted = null;
    window.htmx.trigger(input, "ask");
    return true;
  }

  // What is chosen; where nothing fits, the page of all finds, which says so.
  function leave(elsewhere) {
    wanted = null;
    if (chosen()) go(chosen(), elsewhere); else input.form.submit();
  }

  // Enter opens what fits all that was typed, never what fitted the words before.
  function enter(elsewhere) {
    if (answered === input.value) { leave(elsewhere); return; }
    wanted = { elsewhere: elsewhere };
    window.htmx.trigger(input, "ask");
  }

  function found() {
    answered = asked;
    choose(options()[0]);
    if (wanted && answered === input.value && dialog.open) leave(wanted.elsewhere);
  }

  function failed() {
    if (wanted && dialog.open) input.form.submit();
  }

  input.addEventListener("keydown", function (event) {
    if (event.isComposing) return; // Enter and arrows are the input method's: a word is being put together
    if (event.key === "ArrowDown") move(1);
    else if (event.key === "ArrowUp") move(-1);
    else if (event.key === "Enter") enter(event.ctrlKey || event.metaKey);
    else return;
    event.preventDefault();
  });
  input.addEventListener("input", function () { wanted = null; });
  input.addEventListener("htmx:beforeRequest", function () { asked = input.value; });
  dialog.addEventListener("htmx:responseError", failed);
  dialog.addEventListener("htmx:sendError", failed);
  list.addEventListener("click", function (event) {
    go(event.target.closest("[role=option]"), event.ctrlKey || event.metaKey);
  });
  list.addEventListener("htmx:afterSwap", found);
  dialog.addEventListener("click", function (event) { if (event.target === dialog) dialog.close(); });
  window.headwayPalette = { open: open };
})();
