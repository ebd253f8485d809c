// Runs before the first paint so that a stored theme does not flash.
(function () {
  "use strict";
  var stored = null;
  try { stored = localStorage.getItem("headway-theme"); } catch (blocked) { stored = null; }
  if (stored === "light" || stored === "dark") document.documentElement.dataset.theme = stored;
})();
