// Runs before the first paint so that a stored theme or density does not flash.
(function () {
  "use strict";
  function restore(name, allowed) {
    var stored = null;
    try { stored = localStorage.getItem("headway-" + name); } catch (blocked) { stored = null; }
    if (allowed.indexOf(stored) >= 0) document.documentElement.dataset[name] = stored;
  }
  restore("theme", ["light", "dark"]);
  restore("density", ["comfortable", "compact"]);
})();
