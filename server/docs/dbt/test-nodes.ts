import pg from "pg";
import { type SQLQuery, sql } from "../../../extract/query.ts";
import type { ModelTest } from "../../../runner/models/model-test.ts";
import type { Model } from "../../../runner/models/project.ts";
import { compileTest } from "../../../runner/models/run-tests.ts";
import type { Reference } from "../../../runner/models/select.ts";
import type { SingularTest } from "../../../runner/models/singular-test.ts";
import { type Artifact, checksumOf, readsOf } from "./model-nodes.ts";
import { fqnOf, modelId, modelName, PACKAGE, pathBelow, testIdOf, wordsOf } from "./names.ts";

/** A test of ours under the names that dbt has for it. */
export type NamedTest = {
  readonly id: string;
  /** The relation, or `tests` for one that is a file: as in `elt.test_results`. */
  readonly model: string;
  /** As in `elt.test_results`; of a key that did not fail nothing stands there. */
  readonly label: string;
  readonly kind: "key" | "key column" | "header" | "file";
  readonly node: Artifact;
};

/** dbt's generic test, its arguments, and the rows that fail it. */
type Generic = {
  readonly name: string;
  /** The package it comes from; null for dbt's own four. */
  readonly namespace: string | null;
  readonly kwargs: Artifact;
  readonly column: string | null;
  readonly reads: readonly Pick<Reference, "schema" | "relation">[];
  readonly compiled: string;
  readonly severity: ModelTest["severity"];
  readonly allowed: number;
};

/** Tests of a model's header, its key among them. */
export function modelTests(database: string, model: Model): readonly NamedTest[] {
  return [
    ...keyTests(database, model),
    ...model.header.tests.map((test) => headerTest(database, model, test)),
  ];
}

/** A key is unique and not null; dbt knows these as two tests, the second one for each column. */
function keyTests(database: string, model: Model): readonly NamedTest[] {
  const { key } = model.header;
  if (key.length === 0) return [];
  const label = `key(${key.join(", ")})`;
  const always = { reads: [], severity: "error", allowed: 0 } as const;
  const columns = sql.join(
    key.map((name) => sql.ident(name)),
    ", ",
  );
  const from = sql.ident(model.schema, model.relation);
  const unique = {
    ...always,
    ...uniqueness(key),
    compiled: inlined(sql`select ${columns} from ${from} group by ${columns} having count(*) > 1`),
  };
  return [
    { kind: "key", model: model.name, label, ...genericNode(database, model, label, unique) },
    ...key.map((column): NamedTest => {
      const notNull = {
        ...always,
        ...presence(column),
        compiled: inlined(sql`select * from ${from} where ${sql.ident(column)} is null`),
      };
      const node = genericNode(database, model, `${label} ${column}`, notNull);
      return { kind: "key column", model: model.name, label, ...node };
    }),
  ];
}

function headerTest(database: string, model: Model, test: ModelTest): NamedTest {
  const { label, severity, allowed } = test;
  const compiled = compileTest(model, test, (schema, relation) => sql.ident(schema, relation));
  const generic = {
    ...genericOf(model, test),
    compiled: inlined(sql`select tested.* from ${compiled.from} where ${compiled.fails}`),
    severity,
    allowed,
  };
  const node = genericNode(database, model, `${severity} ${label}`, generic);
  return { kind: "header", model: model.name, label, ...node };
}

type Named = Pick<Generic, "name" | "namespace" | "kwargs" | "column">;

function presence(column: string): Named {
  return { name: "not_null", namespace: null, kwargs: { column_name: column }, column };
}

function uniqueness(columns: readonly string[]): Named {
  const [only = "", second] = columns;
  if (second === undefined) {
    return { name: "unique", namespace: null, kwargs: { column_name: only }, column: only };
  }
  return {
    name: "unique_combination_of_columns",
    namespace: "dbt_utils",
    kwargs: { combination_of_columns: columns },
    column: null,
  };
}

function genericOf(model: Model, { rule }: ModelTest): Named & Pick<Generic, "reads"> {
  switch (rule.kind) {
    case "required":
      return { ...presence(rule.column), reads: [] };
    case "unique":
      return { ...uniqueness(rule.columns), reads: [] };
    case "accepted":
      return {
        name: "accepted_values",
        namespace: null,
        kwargs: { column_name: rule.column, values: rule.values },
        column: rule.column,
        reads: [],
      };
    case "references": {
      const [schema = "", relation = ""] = rule.target.split(".");
      const to = `ref('${modelName({ schema, relation })}')`;
      return {
        name: "relationships",
        namespace: null,
        kwargs: { column_name: rule.column, to, field: rule.targetColumn },
        column: rule.column,
        reads: [{ schema, relation }],
      };
    }
    case "check":
      return {
        name: "expression_is_true",
        namespace: "dbt_utils",
        kwargs: { expression: rule.expression },
        column: null,
        reads: [],
      };
    case "lossless":
      return {
        name: "lossless",
        namespace: PACKAGE,
        kwargs: { column_name: rule.column, json_key: rule.jsonKey },
        column: rule.column,
        reads: model.references.filter(({ schema }) => schema === "landing"),
      };
  }
}

function genericNode(
  database: string,
  model: Model,
  identity: string,
  generic: Generic,
): Pick<NamedTest, "id" | "node"> {
  const { namespace, name, kwargs, column, compiled } = generic;
  const words = wordsOf([
    ...(namespace === null || namespace === PACKAGE ? [] : [namespace]),
    name,
    modelName(model),
    ...(column === null ? [] : [column]),
  ]);
  const id = testIdOf(words, [model.name, identity]);
  const node = {
    ...testNode(database, { ...generic, id, name: words, file: model.file }),
    fqn: fqnOf(model.file, words),
    raw_code: `{{ ${namespace === null ? "" : `${namespace}.`}test_${name}(**_dbt_generic_test_kwargs) }}`,
    compiled_code: compiled,
    ...readsOf([...generic.reads, model]),
    column_name: column,
    file_key_name: `models.${modelName(model)}`,
    attached_node: modelId(model),
    test_metadata: {
      name,
      kwargs: { ...kwargs, model: `{{ get_where_subquery(ref('${modelName(model)}')) }}` },
      namespace,
    },
  };
  return { id, node };
}

/** A test that is a file. */
export function singularTest(database: string, test: SingularTest): NamedTest {
  const { name, file, description, select, text } = test;
  const id = `test.${PACKAGE}.${name}`;
  const node = {
    ...testNode(database, { id, ...test }),
    fqn: fqnOf(file, name),
    description,
    raw_code: text,
    compiled_code: select.replace(/^(--.*\n)+/, "").trim(),
    ...readsOf(test.references),
  };
  return { id, kind: "file", model: "tests", label: name, node };
}

/** What both kinds of tests have. dbt compares the count of failing rows with an expression. */
function testNode(
  database: string,
  test: {
    readonly id: string;
    readonly name: string;
    readonly file: string;
    readonly severity: ModelTest["severity"];
    readonly allowed: number;
  },
): Artifact {
  const limit = test.allowed === 0 ? "!= 0" : `> ${test.allowed}`;
  return {
    database,
    schema: "elt",
    name: test.name,
    resource_type: "test",
    package_name: PACKAGE,
    path: pathBelow(test.file),
    original_file_path: test.file,
    unique_id: test.id,
    alias: test.name,
    checksum: checksumOf(test.id),
    config: {
      enabled: true,
      materialized: "test",
      severity: test.severity === "error" ? "ERROR" : "WARN",
      fail_calc: "count(*)",
      warn_if: limit,
      error_if: limit,
      tags: [],
      meta: {},
    },
    tags: [],
    description: "",
    columns: {},
    meta: {},
    docs: { show: true, node_color: null },
    language: "sql",
    compiled: true,
    extra_ctes_injected: true,
    extra_ctes: [],
    metrics: [],
  };
}

/** SQL with its values in their places: for reading, and for psql. */
function inlined(statement: SQLQuery): string {
  const { text } = statement.format({
    escapeIdentifier: (name) =>
      /^[a-z_][a-z0-9_]*$/.test(name) ? name : pg.escapeIdentifier(name),
    formatValue: (value) => ({ placeholder: literal(value), value: undefined }),
  });
  return text.replace(/\s*\n\s*/g, "\n").trim();
}

function literal(value: unknown): string {
  if (Array.isArray(value)) return `array[${value.map(literal).join(", ")}]`;
  return pg.escapeLiteral(String(value));
}
