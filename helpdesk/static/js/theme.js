// [data-theme-switch]: light or dark, remembered in a cookie so that the server draws the next page right from the start.
const YEAR = 365 * 24 * 3600;

export function bindTheme(root) {
  for (const button of root.querySelectorAll("[data-theme-switch]")) {
    button.addEventListener("click", () => {
      const html = document.documentElement;
      const isDark = html.dataset.theme ? html.dataset.theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
      html.dataset.theme = isDark ? "light" : "dark";
      const secure = location.protocol === "https:" ? "; Secure" : "";
      document.cookie = `theme=${html.dataset.theme}; Path=/; Max-Age=${YEAR}; SameSite=Lax${secure}`;
    });
  }
}
