import { BarChart } from "echarts/charts";
import { GridComponent } from "echarts/components";
import { init, use } from "echarts/core";
import { SVGRenderer } from "echarts/renderers";
import {
  formatCount,
  formatExactMoney,
  formatPercent,
  formatRoundMoney,
  formatRoundPercent,
  monthOf,
  shortMonth,
} from "./formats.ts";
import { type Html, html, trusted } from "./html.ts";
import type { SalesMonth, VsoMonth } from "./read-sales.ts";

use([BarChart, GridComponent, SVGRenderer]);

/** Every chart is drawn twice; the style sheet shows the one that fits. */
type Size = {
  readonly name: "largo" | "estreito";
  readonly width: number;
  readonly height: number;
};
const sizes: readonly Size[] = [
  { name: "largo", width: 560, height: 290 },
  { name: "estreito", width: 340, height: 240 },
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
  barMaxWidth: 44,
  silent: true,
  emphasis: { disabled: true },
};

/** What a chart says in words: its name, and of each place on its axis what a pointer reads. */
type Words = { readonly label: string; readonly hints: readonly string[] };

/** A measure of each month's sales beside the same month a year earlier. */
export function salesChart(
  months: readonly SalesMonth[],
  measure: "valor" | "vendas",
  label: string,
): Html {
  const isValue = measure === "valor";
  const format = isValue ? formatExactMoney : formatSales;
  const before = (month: SalesMonth) => (isValue ? month.valorBefore : month.vendasBefore);
  const hints = months.map((month) => {
    const year = Number(month.mes.slice(0, 4));
    return `${monthOf(month.mes)}: ${format(month[measure])}\n${year - 1}: ${format(before(month))}`;
  });
  return draw({ label, hints }, (size) => ({
    xAxis: categories(monthLabels(months, size, false), size),
    yAxis: values(isValue ? formatRoundMoney : formatCount, size, isValue ? 0 : 1),
    series: [
      { ...bar, data: months.map(before), itemStyle: fill(weak) },
      { ...bar, data: months.map((month) => month[measure]), itemStyle: fill(strong) },
    ],
  }));
}

/** VSO of months as bars, each with its percentage. */
export function vsoChart(
  months: readonly VsoMonth[],
  partial: ReadonlySet<string>,
  label: string,
): Html {
  const hints = months.map(
    ({ mes, percentual, vendas, oferta }) =>
      `${monthOf(mes)}: ${percentual === null ? "sem oferta" : formatPercent(percentual)}\n${formatSales(vendas)}, ${formatCount(oferta)} em oferta`,
  );
  return draw({ label, hints }, (size) => ({
    xAxis: categories(monthLabels(months, size, true), size),
    yAxis: values(formatRoundPercent, size, 0),
    series: [
      {
        ...bar,
        data: months.map(({ mes, percentual }) => ({
          value: percentual,
          itemStyle: fill(partial.has(mes) ? weak : strong),
        })),
        label: barLabels(
          size,
          months.map(({ percentual }) => bare(percentual)),
        ),
      },
    ],
  }));
}

/** Pró-soluto of months as bars, each with its share of the value sold. */
export function prosolutoChart(
  months: readonly VsoMonth[],
  partial: ReadonlySet<string>,
  label: string,
): Html {
  const hints = months.map(
    ({ mes, prosoluto, percentualProsoluto }) =>
      `${monthOf(mes)}: ${formatExactMoney(prosoluto)}\n${percentualProsoluto === null ? "sem vendas" : `${formatPercent(percentualProsoluto)} do valor vendido`}`,
  );
  return draw({ label, hints }, (size) => ({
    xAxis: categories(monthLabels(months, size, true), size),
    yAxis: values(formatRoundMoney, size, 0),
    series: [
      {
        ...bar,
        data: months.map(({ mes, prosoluto }) => ({
          value: prosoluto,
          itemStyle: fill(partial.has(mes) ? weak : strong),
        })),
        label: barLabels(
          size,
          months.map(({ percentualProsoluto }) => bare(percentualProsoluto)),
        ),
      },
    ],
  }));
}

function formatSales(count: number): string {
  return `${formatCount(count)} ${count === 1 ? "venda" : "vendas"}`;
}

/** 12,5 without its sign: the axis or the words beside it say what it is. */
function bare(percent: number | null): string {
  return percent === null ? "" : formatPercent(percent).replace(/\s%$/, "");
}

function barLabels({ name }: Size, texts: readonly string[]) {
  return {
    show: true,
    position: "top",
    color: "var(--texto)",
    fontSize: name === "largo" ? 11 : 9,
    formatter: ({ dataIndex }: { dataIndex: number }) => texts[dataIndex] ?? "",
  } as const;
}

function fill(color: string) {
  return { color, borderRadius: [2, 2, 0, 0] };
}

/** Months, with their years where nothing else tells them and there is room. */
function monthLabels(
  months: readonly { readonly mes: string }[],
  { name }: Size,
  tellsOneYear: boolean,
) {
  const years = new Set(months.map(({ mes }) => mes.slice(0, 4)));
  return months.map(({ mes }, index) => {
    const month = shortMonth(Number(mes.slice(5, 7)));
    // Two years beside each other would overlap where bars are narrow.
    const isOwnYear = index === 0 && months[1]?.mes.slice(5, 7) !== "01";
    const isFirstOfYear = mes.slice(5, 7) === "01" || isOwnYear;
    if ((years.size < 2 && !tellsOneYear) || (name === "estreito" && !isFirstOfYear)) return month;
    return isFirstOfYear ? `${month}\n${mes.slice(0, 4)}` : month;
  });
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

function values(format: (value: number) => string, { name }: Size, minInterval: number) {
  return {
    type: "value",
    min: 0,
    minInterval,
    splitNumber: name === "largo" ? 4 : 3,
    splitLine: { lineStyle: { color: line } },
    axisLabel: { color: text, fontSize: 11, formatter: format },
  } as const;
}

function draw(
  words: Words,
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
      const svg = standalone(chart.renderToSVGString(), words.label);
      const places = words.hints.map((_hint, index) =>
        Number(chart.convertToPixel({ xAxisIndex: 0 }, index)),
      );
      const drawn = svg.replace(/<\/svg>\s*$/, `${hintAreas(words, places, size).markup}</svg>`);
      return html`<div class="grafico-${size.name}">${trusted(drawn)}</div>`;
    } finally {
      chart.dispose();
    }
  });
  return html`${drawings}`;
}

/** Transparent areas, one for each place on the axis, that say its values to a pointer. */
function hintAreas({ hints }: Words, places: readonly number[], { height, width }: Size): Html {
  const [first = 0, second] = places;
  const band = second === undefined ? 2 * Math.min(first, width - first) : second - first;
  return html`${hints.map((hint, index) => {
    const left = ((places[index] ?? 0) - band / 2).toFixed(1);
    return html`<rect class="alvo" x="${left}" y="0" width="${band.toFixed(1)}" height="${height}"><title>${hint}</title></rect>`;
  })}`;
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
