import { BarChart } from "echarts/charts";
import { GridComponent } from "echarts/components";
import { init, use } from "echarts/core";
import { SVGRenderer } from "echarts/renderers";
import { formatPercent, formatRoundMoney, formatRoundPercent, shortMonth } from "./formats.ts";
import { type Html, html, trusted } from "./html.ts";
import type { Dashboard, Month, VsoMonth } from "./read-dashboard.ts";

use([BarChart, GridComponent, SVGRenderer]);

/** Every chart is drawn twice; the style sheet shows the one that fits. */
type Size = {
  readonly name: "largo" | "estreito";
  readonly width: number;
  readonly height: number;
};
const sizes: readonly Size[] = [
  { name: "largo", width: 560, height: 320 },
  { name: "estreito", width: 340, height: 260 },
];

// The style sheet gives the colours, for light, dark and paper.
const text = "var(--texto-suave)";
const line = "var(--linha)";
const strong = "var(--serie-forte)";
const weak = "var(--serie-fraca)";
const bar = {
  type: "bar",
  barGap: "10%",
  barCategoryGap: "28%",
  silent: true,
  emphasis: { disabled: true },
};

/** Value sold by month: this year's bars beside last year's. */
export function salesChart({ months, thisYear, lastYear }: Dashboard, label: string): Html {
  const valuesOf = (ano: number) =>
    Array.from({ length: 12 }, (_month, index) => soldIn(months, ano, index + 1));
  return draw(label, (size) => ({
    xAxis: categories(
      Array.from({ length: 12 }, (_month, index) => shortMonth(index + 1)),
      size,
    ),
    yAxis: values(formatRoundMoney, size),
    series: [
      {
        ...bar,
        data: valuesOf(lastYear.ano),
        itemStyle: fill(weak),
      },
      {
        ...bar,
        data: valuesOf(thisYear.ano),
        itemStyle: fill(strong),
      },
    ],
  }));
}

function fill(color: string) {
  return { color, borderRadius: [2, 2, 0, 0] };
}

function soldIn(months: readonly Month[], ano: number, mes: number): number | null {
  return months.find((month) => month.ano === ano && month.mes === mes)?.valor ?? null;
}

/** VSO of twelve months as bars, each with its percentage; the month under way is grey. */
export function vsoChart(months: readonly VsoMonth[], label: string): Html {
  return draw(label, (size) => ({
    xAxis: categories(
      months.map(({ ano, mes }) =>
        size.name === "largo" ? `${shortMonth(mes)}\n${ano}` : shortMonth(mes),
      ),
      size,
    ),
    yAxis: values(formatRoundPercent, size),
    series: [
      {
        ...bar,
        data: months.map(({ percentual }, index) => ({
          value: percentual,
          itemStyle: fill(index === months.length - 1 ? weak : strong),
        })),
        label: {
          show: true,
          position: "top",
          color: "var(--texto)",
          fontSize: size.name === "largo" ? 11 : 10,
          formatter: ({ value }: { value?: unknown }) =>
            typeof value === "number" ? formatPercent(value).replace(/\s%$/, "") : "",
        },
      },
    ],
  }));
}

function categories(data: readonly string[], { name }: Size) {
  return {
    type: "category",
    data: [...data],
    axisTick: { show: false },
    axisLine: { lineStyle: { color: line } },
    axisLabel: { color: text, interval: 0, fontSize: name === "largo" ? 11 : 10, margin: 10 },
  } as const;
}

function values(format: (value: number) => string, { name }: Size) {
  return {
    type: "value",
    min: 0,
    splitNumber: name === "largo" ? 4 : 3,
    splitLine: { lineStyle: { color: line } },
    axisLabel: { color: text, fontSize: 11, formatter: format },
  } as const;
}

function draw(
  label: string,
  option: (size: Size) => Parameters<ReturnType<typeof init>["setOption"]>[0],
): Html {
  const drawings = sizes.map((size) => {
    const chart = init(null, null, {
      renderer: "svg",
      ssr: true,
      width: size.width,
      height: size.height,
    });
    try {
      chart.setOption({
        animation: false,
        textStyle: { fontFamily: "inherit" },
        // The axes' labels are inside of these margins.
        grid: { left: 4, right: 8, top: 20, bottom: 4, outerBoundsMode: "same" },
        ...option(size),
      });
      return html`<div class="grafico-${size.name}">${trusted(standalone(chart.renderToSVGString(), label))}</div>`;
    } finally {
      chart.dispose();
    }
  });
  return html`${drawings}`;
}

/**
 * ECharts' SVG without what the content security policy forbids (style elements and attributes) and
 * without the marks that only its scripts read. The same data gives the same text.
 */
function standalone(svg: string, label: string): string {
  const attributes = html`role="img" aria-label="${label}"`.markup;
  return svg
    .replace(/<style\b[\s\S]*?<\/style>/g, "")
    .replace(/ (?:class|ecmeta_\w+|pointer-events|baseProfile|version|xmlns:xlink)="[^"]*"/g, "")
    .replace(/ style="([^"]*)"/g, (_match, style: string) => presentation(style))
    .replace(/ clip-path="[^"]*"/g, "")
    .replace(/<defs\s*>[\s\S]*?<\/defs>/g, "")
    .replace(/\n+/g, "\n")
    .replace("<svg ", `<svg ${attributes} `);
}

/** `font-size:12px;font-family:x;` → ` font-size="12px" font-family="x"` */
function presentation(style: string): string {
  return style
    .split(";")
    .map((declaration) => /^\s*([\w-]+)\s*:\s*(.*\S)\s*$/.exec(declaration))
    .map((match) => (match === null ? "" : ` ${match[1]}="${match[2]}"`))
    .join("");
}
