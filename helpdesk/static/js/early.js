// Runs before the first paint: says that scripts run, so that what needs none can step back.
document.documentElement.classList.add("js");
