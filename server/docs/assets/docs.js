// Works from a folder, without a network: the index is a script of its own.
const fold = (text) => text.normalize("NFD").replace(/\p{M}/gu, "").toLowerCase();

const input = document.getElementById("busca");
const list = document.getElementById("achados");
const root = document.body.dataset.raiz ?? "";

function find(text) {
  const words = fold(text).split(/\s+/).filter(Boolean);
  if (words.length === 0) return [];
  return (window.INDICE ?? [])
    .map((entry) => ({ entry, name: fold(entry.n), all: fold(`${entry.n} ${entry.d}`) }))
    .filter(({ all }) => words.every((word) => all.includes(word)))
    .sort(
      (a, b) =>
        Number(b.name.includes(words[0])) - Number(a.name.includes(words[0])) ||
        a.name.length - b.name.length,
    )
    .slice(0, 12)
    .map(({ entry }) => entry);
}

function show() {
  const found = find(input.value);
  list.replaceChildren(
    ...found.map(({ n, d, l }) => {
      const item = document.createElement("li");
      const link = document.createElement("a");
      link.href = root + l;
      link.textContent = n;
      const what = document.createElement("span");
      what.textContent = d;
      link.append(what);
      item.append(link);
      return item;
    }),
  );
  list.hidden = found.length === 0;
}

input.addEventListener("input", show);
input.addEventListener("keydown", (event) => {
  if (event.key === "Escape") list.hidden = true;
  if (event.key === "Enter") list.querySelector("a")?.click();
  if (event.key === "ArrowDown") list.querySelector("a")?.focus();
});
document.addEventListener("click", (event) => {
  if (!event.target.closest(".busca")) list.hidden = true;
});

// A box under the pointer leaves only its own ways in sight, to both ends.
for (const graph of document.querySelectorAll(".grafo")) {
  const edges = [...graph.querySelectorAll(".aresta")];
  const reach = (name, from, to) => {
    const seen = new Set([name]);
    const ways = new Set();
    const visit = (one) => {
      for (const edge of edges) {
        if (edge.dataset[from] !== one) continue;
        ways.add(edge);
        if (seen.has(edge.dataset[to])) continue;
        seen.add(edge.dataset[to]);
        visit(edge.dataset[to]);
      }
    };
    visit(name);
    return { seen, ways };
  };
  const choose = (box) => {
    const up = reach(box.dataset.nome, "para", "de");
    const down = reach(box.dataset.nome, "de", "para");
    graph.classList.add("escolhido");
    for (const edge of edges) {
      edge.classList.toggle("ligada", up.ways.has(edge) || down.ways.has(edge));
    }
    for (const other of graph.querySelectorAll(".no")) {
      const { nome } = other.dataset;
      other.classList.toggle("ligado", up.seen.has(nome) || down.seen.has(nome));
    }
  };
  const leave = () => graph.classList.remove("escolhido");
  for (const box of graph.querySelectorAll(".no")) {
    box.addEventListener("pointerenter", () => choose(box));
    box.addEventListener("pointerleave", leave);
    box.addEventListener("focus", () => choose(box));
    box.addEventListener("blur", leave);
  }
}
