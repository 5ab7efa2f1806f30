import { type Html, html } from "../dashboard/html.ts";
import { relationLink } from "./page.ts";

/** A relation of the graph, and those that it reads. */
export type GraphNode = { readonly name: string; readonly reads: readonly string[] };

type Placed = GraphNode & { readonly x: number; readonly y: number };

const WIDTH = 204;
const HEIGHT = 30;
const GAP_X = 48;
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
  const edges = nodes.flatMap(({ name: to, reads }) =>
    reads.flatMap((name) => {
      const [from, node] = [byName.get(name), byName.get(to)];
      if (from === undefined || node === undefined) return [];
      const waypoints = placed.filter(
        (one) =>
          isWaypoint(one) && one.name.startsWith(`${name}${WAYPOINT}${node.name}${WAYPOINT}`),
      );
      return [edge(from, node, waypoints)];
    }),
  );
  return html`<div class="grafo" tabindex="0" role="group" aria-label="Quem lê quem, da esquerda para a direita"><svg viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" xmlns="http://www.w3.org/2000/svg">${edges}${placed.filter((node) => !isWaypoint(node)).map((node) => box(node, root, focus))}</svg></div>`;
}

/** Long edges go between the boxes of the layers that they cross, along their waypoints. */
function edge(from: Placed, to: Placed, waypoints: readonly Placed[]): Html {
  const right = ({ x, y }: Placed) => ({ x: MARGIN + x + WIDTH, y: MARGIN + y + HEIGHT / 2 });
  const left = ({ x, y }: Placed) => ({ x: MARGIN + x, y: MARGIN + y + HEIGHT / 2 });
  let at = right(from);
  let path = `M${at.x} ${at.y}`;
  for (const next of [...waypoints, to]) {
    const enter = left(next);
    const bend = (enter.x - at.x) / 2;
    path += ` C${at.x + bend} ${at.y} ${enter.x - bend} ${enter.y} ${enter.x} ${enter.y}`;
    if (next === to) break;
    at = right(next);
    path += ` L${at.x} ${at.y}`;
  }
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
  const layers = untangle(layersOf(nodes));
  const heightOf = (layer: readonly GraphNode[]) =>
    layer.reduce((sum, node) => sum + slotOf(node), 0) - GAP_Y;
  const tallest = Math.max(...layers.map(heightOf));
  return layers.flatMap((layer, at) => {
    // Short layers stand in the middle of tall ones.
    let y = (tallest - heightOf(layer)) / 2;
    return layer.map((node) => {
      // A waypoint is as tall as a line; its middle is where a box would have its own.
      const placed = { ...node, x: at * (WIDTH + GAP_X), y: isWaypoint(node) ? y - HEIGHT / 2 : y };
      y += slotOf(node);
      return placed;
    });
  });
}

const WAYPOINT = "→";

/** A place in a layer where a long edge passes. */
function isWaypoint({ name }: Pick<GraphNode, "name">): boolean {
  return name.includes(WAYPOINT);
}

function waypointName(from: string, to: string, layer: number): string {
  return `${from}${WAYPOINT}${to}${WAYPOINT}${layer}`;
}

function slotOf(node: GraphNode): number {
  return isWaypoint(node) ? GAP_Y : HEIGHT + GAP_Y;
}

/** Layers by the longest way from a source, with a waypoint in each layer that an edge crosses. */
function layersOf(nodes: readonly GraphNode[]): readonly (readonly GraphNode[])[] {
  const depths = depthsOf(nodes);
  const layers: GraphNode[][] = [];
  const add = (depth: number, node: GraphNode): void => {
    while (layers.length <= depth) layers.push([]);
    layers[depth]?.push(node);
  };
  for (const node of nodes) {
    const depth = depths.get(node.name) ?? 0;
    const reads: string[] = [];
    for (const read of node.reads) {
      const from = depths.get(read);
      if (from === undefined) continue;
      let before = read;
      for (let layer = from + 1; layer < depth; layer++) {
        const name = waypointName(read, node.name, layer);
        add(layer, { name, reads: [before] });
        before = name;
      }
      reads.push(before);
    }
    add(depth, { name: node.name, reads });
  }
  return layers.filter((layer) => layer.length > 0);
}

function depthsOf(nodes: readonly GraphNode[]): ReadonlyMap<string, number> {
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
  nodes.forEach(depthOf);
  // A mapping that only late models read stands right before them, not far to the left.
  for (const { name, reads } of nodes) {
    const readers = nodes.filter((node) => node.reads.includes(name));
    if (reads.length > 0 || readers.length === 0) continue;
    depths.set(name, Math.min(...readers.map((reader) => (depths.get(reader.name) ?? 1) - 1)));
  }
  return depths;
}

const SWEEPS = 8;

/** Orders each layer by the middle of its neighbours, left to right and back, some times over. */
function untangle(layers: readonly (readonly GraphNode[])[]): readonly (readonly GraphNode[])[] {
  const nodes = layers.flat();
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
