"use strict";
// Reloads a page while a run goes on, unless somebody reads something in it that a reload would close or move.
{
  const { updated, every, silent } = data.live;
  const opened = new Map(all("details").map((element) => [element, element.open]));
  const said = one("#reloading");
  const usual = said?.textContent;
  let waited = -1; // seconds since the page was loaded

  const isRead = () => all("details").some((element) => element.open !== (opened.get(element) ?? false))
    || all("input[type='search']").some((field) => field.value !== "" || field === document.activeElement)
    || all("input[type='checkbox']").some((box) => box.checked)
    || document.querySelector("dialog[open]") !== null
    || !getSelection().isCollapsed;

  const inWords = (seconds) => {
    const minutes = Math.floor(seconds / 60);
    if (minutes < 120) return `${minutes} minutes`;
    return minutes < 48 * 60 ? `${Math.floor(minutes / 60)} hours` : `${Math.floor(minutes / 60 / 24)} days`;
  };

  const look = () => {
    const age = (Date.now() - Date.parse(updated)) / 1000;
    const isSilent = age > silent;
    const warning = one("#silent");
    if (warning) {
      warning.hidden = !isSilent;
      one("#silent-minutes").textContent = inWords(age);
    }
    const held = isRead();
    if (said) said.textContent = held ? "It waits with reloading while you read, select or search here." : usual;
    waited += 1;
    if (!held && waited >= (isSilent ? 6 * every : every)) location.reload();
  };
  look();
  setInterval(look, 1000);
}
