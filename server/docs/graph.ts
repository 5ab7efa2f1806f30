import { type Html, html } from "../dashboard/html.ts";
import { relationLink } from "./page.ts";

/** A relation of the graph, and those that it reads. */
export type GraphNode = { readonly name: string; readonly reads: readonly string[] };

type Placed = GraphNode & { readonly x: number; readonly y: number; readonly layer: number };

const WIDTH = 204;
const HEIGHT = 30;
const GAP_X = 64;
const GAP_Y = 12;
const MARGIN = 8;
const LONGEST_LABEL = 24;

/**
 * Draws who reads whom from left to right, as SVG with links: sources first, and each relation right
 * of everything that it reads.
 * @param root what leads to the site's root from the page
 * @param focus the relation that the page is about
 */
export function drawGraph(nodes: readonly GraphNode[], root: string, focus?: string): Html {
  const placed = place(nodes);
  const byName = new Map(placed.map((node) => [node.name, node]));
  const width = MARGIN * 2 + Math.max(...placed.map(({ x }) => x)) + WIDTH;
  const height = MARGIN * 2 + Math.max(...placed.map(({ y }) => y)) + HEIGHT;
  const edges = placed.flatMap((node) =>
    node.reads.flatMap((name) => {
      const from = byName.get(name);
      return from === undefined ? [] : [edge(from, node)];
    }),
  );
  return html`<div class="grafo" tabindex="0" role="group" aria-label="Quem lê quem, da esquerda para a direita"><svg viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" xmlns="http://www.w3.org/2000/svg">${edges}${placed.map((node) => box(node, root, focus))}</svg></div>`;
}

function edge(from: Placed, to: Placed): Html {
  const x1 = MARGIN + from.x + WIDTH;
  const y1 = MARGIN + from.y + HEIGHT / 2;
  const x2 = MARGIN + to.x;
  const y2 = MARGIN + to.y + HEIGHT / 2;
  const bend = Math.max(24, (x2 - x1) / 2);
  const path = `M${x1} ${y1} C${x1 + bend} ${y1} ${x2 - bend} ${y2} ${x2} ${y2}`;
  return html`<path class="aresta" d="${path}" data-de="${from.name}" data-para="${to.name}"/>`;
}

function box(node: Placed, root: string, focus: string | undefined): Html {
  const [schema = "", ...rest] = node.name.split(".");
  const label = rest.join(".").replace(/_atual$/, "");
  const kind = label.startsWith("vw_") ? "visao" : schema;
  const shown = label.length > LONGEST_LABEL ? `${label.slice(0, LONGEST_LABEL - 1)}…` : label;
  const x = MARGIN + node.x;
  const y = MARGIN + node.y;
  return html`<a href="${relationLink(root, node.name)}" class="no ${kind}${node.name === focus ? " foco" : ""}" data-nome="${node.name}"><title>${node.name}</title><rect x="${x}" y="${y}" width="${WIDTH}" height="${HEIGHT}" rx="7"/><text x="${x + 11}" y="${y + HEIGHT / 2 + 4}">${shown}</text></a>`;
}

function place(nodes: readonly GraphNode[]): readonly Placed[] {
  const layers = layersOf(nodes);
  const tallest = Math.max(...layers.map((layer) => layer.length));
  return layers.flatMap((layer, at) => {
    // Short layers stand in the middle of tall ones.
    const top = ((tallest - layer.length) * (HEIGHT + GAP_Y)) / 2;
    return layer.map((node, i) => ({
      ...node,
      layer: at,
      x: at * (WIDTH + GAP_X),
      y: top + i * (HEIGHT + GAP_Y),
    }));
  });
}

/** Layers by the longest way from a source; within one, each near what it is tied to. */
function layersOf(nodes: readonly GraphNode[]): readonly (readonly GraphNode[])[] {
  const byName = new Map(nodes.map((node) => [node.name, node]));
  const depths = new Map<string, number>();
  const depthOf = (node: GraphNode): number => {
    const known = depths.get(node.name);
    if (known !== undefined) return known;
    depths.set(node.name, 0);
    const read = node.reads.flatMap((name) => byName.get(name) ?? []);
    const depth = read.length === 0 ? 0 : 1 + Math.max(...read.map(depthOf));
    depths.set(node.name, depth);
    return depth;
  };
  const layers: GraphNode[][] = [];
  for (const node of nodes) {
    const depth = depthOf(node);
    while (layers.length <= depth) layers.push([]);
    layers[depth]?.push(node);
  }
  // A source that only late models read stands right before them, not far to the left.
  for (const [depth, layer] of layers.entries()) {
    if (depth > 0) continue;
    for (const node of [...layer]) {
      const readers = nodes.filter(({ reads }) => reads.includes(node.name));
      const nearest = Math.min(...readers.map((reader) => (depths.get(reader.name) ?? 1) - 1));
      if (readers.length === 0 || nearest <= 0 || !node.name.startsWith("seeds.")) continue;
      layer.splice(layer.indexOf(node), 1);
      layers[nearest]?.push(node);
    }
  }
  return untangle(
    layers.filter((layer) => layer.length > 0),
    nodes,
  );
}

const SWEEPS = 8;

/** Orders each layer by the middle of its neighbours, left to right and back, some times over. */
function untangle(
  layers: readonly (readonly GraphNode[])[],
  nodes: readonly GraphNode[],
): readonly (readonly GraphNode[])[] {
  const neighbours = new Map<string, string[]>(nodes.map(({ name }) => [name, []]));
  for (const { name, reads } of nodes) {
    for (const read of reads) {
      neighbours.get(name)?.push(read);
      neighbours.get(read)?.push(name);
    }
  }
  let ordered = layers;
  for (let sweep = 0; sweep < SWEEPS; sweep++) {
    const places = new Map(
      ordered.flatMap((layer) =>
        layer.map((node, i) => [node.name, (i + 0.5) / layer.length] as const),
      ),
    );
    const middle = ({ name }: GraphNode): number => {
      const known = (neighbours.get(name) ?? []).flatMap((other) => places.get(other) ?? []);
      const own = places.get(name) ?? 0;
      if (known.length === 0) return own;
      return known.reduce((sum, one) => sum + one, 0) / known.length;
    };
    ordered = ordered.map((layer) => [...layer].sort((a, b) => middle(a) - middle(b)));
  }
  return ordered;
}

/** What the colours of the graph mean. */
export function graphLegend(): Html {
  const kinds = [
    ["landing", "fonte (CVDW)"],
    ["seeds", "mapeamento"],
    ["staging", "staging"],
    ["marts", "mart"],
    ["visao", "visão de indicador"],
  ] as const;
  return html`<p class="legenda">${kinds.map(([kind, text]) => html`<span class="chave ${kind}">${text}</span>`)}</p>`;
}
