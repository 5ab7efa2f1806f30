import { type SQLQuery, sql } from "../../extract/query.ts";
import { compareView, type KpiChange } from "../models/compare-kpis.ts";
import { quoted } from "../models/draft.ts";
import { primaryKeyOf } from "../models/finish-table.ts";
import { personalColumns, projectLineage } from "../models/lineage.ts";
import type { Model, Project } from "../models/project.ts";
import { computeDelta } from "../models/table-delta.ts";
import { type Column, columnsOf } from "../models/table-diff.ts";
import { type EnvironmentBuild, placeIn } from "./environment-build.ts";

/** How a table of an environment differs from the published one of its name. */
export type TableDifference = {
  readonly model: string;
  /** `new`: nothing of that name is published; `other key`: rows cannot be matched. */
  readonly status: "compared" | "new" | "other key";
  readonly rows: number;
  /** Rows that only the environment has, that differ, and that only the published one has. */
  readonly added: number;
  readonly changed: number;
  readonly removed: number;
  /** Columns that differ, as sentences. */
  readonly columns: readonly string[];
};

/** What stands in an environment, beside what is published. */
export type Comparison = {
  readonly tables: readonly TableDifference[];
  readonly kpis: readonly KpiChange[];
};

/** What is compared: `models` stand in the environment, `order` has all of the project. */
type Compared = {
  readonly project: Project;
  readonly order: readonly Model[];
  readonly models: readonly Model[];
};

/**
 * Compares what stands in an environment with what is published: rows by key and column, and the
 * numbers of the KPI views. Only counts are told of tables, and no personal column of views.
 */
export async function comparePublished(
  build: Pick<EnvironmentBuild, "client" | "standIns" | "standing" | "temporaryName">,
  { project, order, models }: Compared,
): Promise<Comparison> {
  const tables: TableDifference[] = [];
  const kpis: KpiChange[] = [];
  const isPersonal = personalColumns(project.models, projectLineage(project, order));
  for (const model of models) {
    if (model.build === "table") tables.push(await compareTable(build, model));
    else kpis.push(await compareKpi(build, model, isPersonal));
  }
  return { tables, kpis };
}

async function compareTable(
  build: Parameters<typeof comparePublished>[0],
  model: Model,
): Promise<TableDifference> {
  const { client, standing } = build;
  const rows = standing.get(model.name)?.rows ?? 0;
  const none = { model: model.name, rows, added: 0, changed: 0, removed: 0 };
  const published = await columnsOf(client, quoted(model.schema, model.relation));
  if (published.length === 0) return { ...none, status: "new", added: rows, columns: [] };
  const own = await columnsOf(client, ownName(build, model));
  const { key } = model.header;
  const pairs = own.flatMap((column) => {
    const before = published.find(({ name }) => name === column.name);
    return before === undefined ? [] : [{ ...column, before: before.type }];
  });
  const columns = [
    ...published
      .filter(({ name }) => !own.some((column) => column.name === name))
      .map(({ name, type }) => `column ${name} (${type}) is gone`),
    ...pairs
      .filter(({ type, before }) => type !== before)
      .map(({ name, type, before }) => `column ${name} is ${before} and becomes ${type}`),
    ...own
      .filter(({ name }) => !published.some((column) => column.name === name))
      .map(({ name, type }) => `column ${name} (${type}) is new`),
  ];
  const keyBefore = await primaryKeyOf(client, quoted(model.schema, model.relation));
  if (keyBefore.join() !== key.join()) return { ...none, status: "other key", columns };
  const comparable = (relation: SQLQuery): SQLQuery =>
    sql`(select ${sql.join(pairs.map(comparableColumn), ", ")} from ${relation} as compared)`;
  const table = sql.ident(model.schema, model.relation);
  const delta = await computeDelta(
    client,
    {
      target: table,
      source: comparable(placeIn(build, model.schema, model.relation)),
      present: comparable(table),
      columns: pairs.map(({ name }) => name),
      key,
    },
    build.temporaryName("compared"),
  );
  const { added, changed, removed } = delta;
  return { ...none, status: "compared", added, changed, removed, columns };
}

const NUMBER = /^(numeric|smallint|integer|bigint|real|double precision)/;

/** Values of one type on both sides: numbers by what they are worth, others as they read. */
function comparableColumn({ name, type, before }: Column & { readonly before: string }): SQLQuery {
  const column = sql.ident("compared", name);
  if (type === before) return column;
  return NUMBER.test(type) && NUMBER.test(before)
    ? sql`${column}::numeric as ${sql.ident(name)}`
    : sql`${column}::text as ${sql.ident(name)}`;
}

async function compareKpi(
  build: Parameters<typeof comparePublished>[0],
  view: Model,
  isPersonal: (relation: string, column: string) => unknown,
): Promise<KpiChange> {
  const { client } = build;
  const published = await columnsOf(client, quoted(view.schema, view.relation));
  const own = await columnsOf(client, ownName(build, view));
  const isShared = ({ name, type }: Column) =>
    isPersonal(view.name, name) === undefined &&
    published.some((column) => column.name === name && column.type === type);
  return compareView(client, view, {
    before: published.length === 0 ? undefined : quoted(view.schema, view.relation),
    after: ownName(build, view),
    columns: own.filter(isShared),
  });
}

function ownName({ standIns }: Pick<EnvironmentBuild, "standIns">, model: Model): string {
  return quoted(standIns.get(model.name) ?? model.schema, model.relation);
}
