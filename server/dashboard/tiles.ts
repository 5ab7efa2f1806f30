import { formatPercent } from "./formats.ts";
import { type Html, html } from "./html.ts";

/** One KPI. */
export type Tile = {
  readonly label: string;
  readonly value: string;
  /** The value in full, for who points at it. */
  readonly exact?: string;
  /** The number of the stretch before, and this one's. */
  readonly change?: { readonly from: number; readonly to: number };
  readonly note?: string;
};

/** KPIs side by side, as a list of terms and values. */
export function renderTiles(tiles: readonly Tile[]): Html {
  return html`<dl class="indicadores">${tiles.map(renderTile)}</dl>`;
}

function renderTile({ label, value, exact, change, note }: Tile): Html {
  const number =
    exact === undefined ? html`${value}` : html`<span title="${exact}">${value}</span>`;
  return html`<div class="cartao"><dt>${label}</dt><dd class="valor">${number}</dd>
${change === undefined ? undefined : renderChange(change)}
${note === undefined ? undefined : html`<dd class="nota">${note}</dd>`}</div>`;
}

function renderChange({ from, to }: NonNullable<Tile["change"]>): Html | undefined {
  if (from === 0) return undefined;
  const percent = (100 * (to - from)) / from;
  if (Math.abs(percent) < 0.05) return html`<dd class="igual">igual</dd>`;
  const [tone, arrow, side] =
    percent > 0 ? (["alta", "▲", "acima"] as const) : (["baixa", "▼", "abaixo"] as const);
  return html`<dd class="${tone}"><span aria-hidden="true">${arrow}</span> ${formatPercent(Math.abs(percent))} ${side}</dd>`;
}
