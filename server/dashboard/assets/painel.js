// What the page does better with a script; all of it works without. Forms and links marked
// data-vivo are fetched and put in place, so that scroll, focus and typing go on.

const parts = ["header.topo", "main"];
let underWay;

async function show(address, { push, focus }) {
  underWay?.abort();
  const mine = new AbortController();
  underWay = mine;
  document.body.setAttribute("aria-busy", "true");
  try {
    const response = await fetch(address, {
      signal: mine.signal,
      headers: { accept: "text/html" },
      credentials: "same-origin",
    });
    const type = response.headers.get("content-type") ?? "";
    // A login, a failure: the browser shows it whole.
    if (!response.ok || response.redirected || !type.startsWith("text/html")) {
      location.assign(address);
      return;
    }
    const next = new DOMParser().parseFromString(await response.text(), "text/html");
    const active = document.activeElement;
    const id = focus ?? active?.id;
    const typed = active instanceof HTMLInputElement && active.type === "search" ? active : null;
    const caret = typed === null ? null : [typed.value, typed.selectionStart];
    const opened = [...document.querySelectorAll("details[open]")].map(keyOf);
    for (const part of parts) {
      const old = document.querySelector(part);
      const fresh = next.querySelector(part);
      if (old !== null && fresh !== null) old.replaceChildren(...fresh.childNodes);
    }
    document.title = next.title;
    for (const details of document.querySelectorAll("details")) {
      if (opened.includes(keyOf(details))) details.open = true;
    }
    if (push) history.pushState(null, "", address);
    const target = id ? document.getElementById(id) : null;
    target?.focus({ preventScroll: true });
    // What was typed while the answer was on its way stays.
    if (caret !== null && target instanceof HTMLInputElement) {
      target.value = caret[0];
      target.setSelectionRange(caret[1], caret[1]);
    }
    prepare();
    announce(document.getElementById("achadas")?.textContent ?? "");
  } catch (error) {
    if (error.name !== "AbortError") location.assign(address);
  } finally {
    if (underWay === mine) document.body.removeAttribute("aria-busy");
  }
}

function keyOf(details) {
  return details.closest("section")?.getAttribute("aria-labelledby") ?? "";
}

function addressOf(form) {
  const search = new URLSearchParams();
  for (const [name, value] of new FormData(form)) if (value !== "") search.append(name, value);
  const text = search.toString();
  return text === "" ? "/" : `/?${text}`;
}

document.addEventListener("submit", (event) => {
  const form = event.target;
  if (!(form instanceof HTMLFormElement) || !form.matches("[data-vivo]")) return;
  event.preventDefault();
  show(addressOf(form), { push: true });
});

document.addEventListener("change", (event) => {
  const field = event.target;
  if (field instanceof HTMLSelectElement && field.form?.matches("[data-vivo]")) {
    show(addressOf(field.form), { push: true });
  }
});

let typing;
document.addEventListener("input", (event) => {
  const field = event.target;
  if (!(field instanceof HTMLInputElement) || field.type !== "search") return;
  clearTimeout(typing);
  typing = setTimeout(() => show(addressOf(field.form), { push: true }), 350);
});

document.addEventListener("click", (event) => {
  if (event.defaultPrevented || event.button !== 0) return;
  if (event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return;
  if (!(event.target instanceof Element)) return;
  if (event.target.closest("#imprimir") !== null) {
    print();
    return;
  }
  const link = event.target.closest("a[data-vivo]");
  if (link === null) return;
  event.preventDefault();
  const address = new URL(link.href);
  show(address.pathname + address.search, { push: true, focus: link.id || "conteudo" });
});

addEventListener("popstate", () => show(location.pathname + location.search, { push: false }));

// What changed, for who does not see it.
const announcer = document.createElement("p");
announcer.className = "so-leitor";
announcer.setAttribute("role", "status");
document.body.append(announcer);
function announce(text) {
  announcer.textContent = text;
}

// The values of a chart's bar, beside the pointer.
const hint = document.createElement("p");
hint.className = "dica";
hint.hidden = true;
hint.setAttribute("aria-hidden", "true");
document.body.append(hint);
document.addEventListener("pointermove", (event) => {
  const area = event.target instanceof Element ? event.target.closest(".alvo") : null;
  hint.hidden = area === null;
  if (area === null) return;
  hint.textContent = area.dataset.dica ?? "";
  const { width, height } = hint.getBoundingClientRect();
  const left = Math.min(event.clientX + 14, innerWidth - width - 8);
  const top = event.clientY - height - 14;
  hint.style.left = `${Math.max(8, left)}px`;
  hint.style.top = `${top < 8 ? event.clientY + 18 : top}px`;
});

function prepare() {
  const button = document.getElementById("imprimir");
  if (button !== null) button.hidden = false;
  // The script's hint comes at once; the browser's own would come on top of it.
  for (const title of document.querySelectorAll(".alvo > title")) {
    title.parentElement.dataset.dica = title.textContent;
    title.remove();
  }
}
prepare();
