import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { projectRoot } from "../../runner/open-project.ts";
import { eltHere } from "../elt-here.ts";
import type { Outcome } from "../elt-process.ts";
import { createTestDatabase } from "../postgres.ts";
import { sampleProject, withSample } from "./mistakes.ts";

const database = await createTestDatabase();
const settings = { DATABASE_URL: database.url };
afterAll(() => database.drop());

async function land(object: string, key: number, record: Record<string, unknown>): Promise<void> {
  await database.pool.query("select landing.create_object($1)", [object]);
  // A load of its own, as an extraction leaves it.
  const { rows } = await database.pool.query(
    "insert into elt.loads (conta, objeto, mode, verdict, finished_at) values ('acme', $1, 'full', 'proven', now()) returning load_id",
    [object],
  );
  await database.pool.query(
    `insert into landing.${object} (
       conta, chave, load_id, seq, supersedes_load_id, supersedes_seq, hash, payload
     )
     select 'acme', $1::text, $2, 1, max(load_id), max(seq), gen_random_uuid(), $3
     from landing.${object} where conta = 'acme' and chave = $1::text`,
    [String(key), rows[0].load_id, JSON.stringify(record)],
  );
}

const run = (...args: readonly string[]): Promise<Outcome> => eltHere(args, settings);
/** The answer of a command that was asked for JSON: its last line. */
const answer = ({ out }: Outcome) => JSON.parse(out.trim().split("\n").at(-1) ?? "");
const rows = async (statement: string) => (await database.pool.query(statement)).rows;

beforeAll(async () => {
  for (const [id, valor] of [
    [1, "100.000,00"],
    [2, "200.000,00"],
  ] as const) {
    await land("reservas", id, {
      idreserva: id,
      idempreendimento: 7,
      titular: "Maria da Silva",
      situacao: "Vendida",
      valor_contrato: valor,
      data_venda: "2026-01-10",
      idcorretor: 5,
    });
  }
  await land("comissoes", 1, { idcomissao: 1, idreserva: 1, valor_comissao: "5000", ativo: "S" });
});

describe("before anything is built", () => {
  test("a selection that reads what was never built says what to add", async () => {
    const { code, err } = await run(
      "build",
      "--project",
      sampleProject,
      "--select",
      "marts.vendas",
    );
    expect(code).toBe(2);
    expect(err).toContain(
      "marts.vendas reads marts.reservas and marts.comissoes, which was never built: select +marts.vendas.",
    );
  });

  test("show reads mappings from their files", async () => {
    const shown = answer(await run("show", "metas", "--project", sampleProject, "--json"));
    expect(shown.rows).toEqual([{ conta: "*", mes: "2026-01", meta: "10" }]);
  });

  test("there is nothing to retry", async () => {
    await database.pool.query("delete from elt.runs");
    const { code, err } = await run("retry", "--project", sampleProject);
    expect(code).toBe(2);
    expect(err).toContain("Nothing was built yet");
  });

  test("a plan says that everything is new, and writes nothing", async () => {
    const plan = answer(await run("plan", "--project", sampleProject, "--json"));
    expect(
      plan.tables.find((one: { model: string }) => one.model === "marts.vendas"),
    ).toMatchObject({ mode: "first", changes: { added: 2 } });
    expect(plan.kpis).toContainEqual(
      expect.objectContaining({ view: "marts.vw_vendas", status: "new", rowsAfter: 1 }),
    );
    expect(
      await rows("select to_regclass('marts.vendas') as t, to_regclass('seeds.metas') as s"),
    ).toEqual([{ t: null, s: null }]);
  });
});

describe("on a built project", () => {
  beforeAll(async () => {
    const { code, err } = await run("build", "--project", sampleProject);
    expect([code, err]).toEqual([0, ""]);
  });

  test("a plan tells rows, KPIs, losses and why tables are whole, and rolls back", async () => {
    const changes = [
      {
        file: "models/marts/vendas.sql",
        from: "    reservas.valor,",
        to: "    (reservas.valor * 2)::numeric(15, 2) as valor,",
      },
      { file: "models/marts/distratos.sql", from: "u.motivo, u.valor", to: "u.motivo" },
      { file: "views/vw_distratos.sql", from: "d.motivo, count(*)", to: "d.motivo, 1 + count(*)" },
    ];
    await withSample(changes, async (folder) => {
      const before = await rows("select sum(valor)::text as valor from marts.vendas");
      const plan = answer(await run("plan", "--project", folder, "--json"));
      const vendas = plan.tables.find((one: { model: string }) => one.model === "marts.vendas");
      expect(vendas.changes).toEqual({ total: 2, added: 0, changed: 2, removed: 0 });
      expect(plan.views).toEqual(["marts.vw_distratos"]);
      expect(plan.losses.join()).toContain("marts.distratos");
      expect(plan.losses.join()).toContain("valor");
      const kpi = plan.kpis.find((one: { view: string }) => one.view === "marts.vw_vendas");
      expect(kpi).toMatchObject({
        differing: 1,
        rows: [{ label: { conta: "acme" }, values: { total: ["300000.00", "600000.00"] } }],
        totals: { total: ["300000.00", "600000.00"] },
      });
      expect(plan.notKeyLocal.map((one: { model: string }) => one.model)).toContain(
        "marts.ranking",
      );
      const text = (await run("plan", "--project", folder)).out;
      expect(text).toContain("Nothing was published.");
      expect(text).toContain("in all: total 300,000.00 → 600,000.00 (+300,000.00)");
      expect(await rows("select sum(valor)::text as valor from marts.vendas")).toEqual(before);
    });
  });

  test("a plan whose test would fail says so with exit 1", async () => {
    const changes = [
      {
        file: "models/marts/vendas.sql",
        from: "-- @warn   check(valor >= 0)",
        to: "-- @test   check(valor > 150000)",
      },
    ];
    await withSample(changes, async (folder) => {
      const { code, out } = await run("plan", "--project", folder);
      expect(code).toBe(1);
      expect(out).toContain(
        "models/marts/vendas.sql:4:12: marts.vendas: 1 row fails check(valor > 150000)",
      );
    });
  });

  test("a plan runs the tests of views and of files, and tells what a view loses", async () => {
    const changes = [
      {
        file: "views/vw_vendas.sql",
        from: "-- Vendas.",
        to: "-- Vendas.\n-- @test check(total > 1000000)",
      },
      { file: "views/vw_ranking.sql", from: "r.lugar, ", to: "" },
      {
        file: "models/tests/sem_vendas.sql",
        to: "-- Não há vendas.\n-- @warn\nselect v.conta, v.reserva_id from marts.vendas as v\n",
      },
    ];
    await withSample(changes, async (folder) => {
      const { code, out } = await run("plan", "--project", folder);
      expect(code).toBe(1);
      expect(out).toContain("marts.vw_vendas: 1 row fails check(total > 1000000)");
      expect(out).toContain("models/tests/sem_vendas.sql");
      expect(out).toContain("marts.vw_ranking: column lugar");
    });
  });

  test("a build of a selection leaves the rest, and the next build catches up", async () => {
    await land("comissoes", 2, { idcomissao: 2, idreserva: 2, valor_comissao: "7000", ativo: "S" });
    expect(
      (await run("build", "--project", sampleProject, "--select", "+marts.comissoes")).code,
    ).toBe(0);
    const commission = "select comissao::text from marts.vendas where reserva_id = 2";
    expect(await rows("select count(*)::int as n from marts.comissoes")).toEqual([{ n: 2 }]);
    expect(await rows(commission)).toEqual([{ comissao: "0.00" }]);
    expect((await run("build", "--project", sampleProject)).code).toBe(0);
    expect(await rows(commission)).toEqual([{ comissao: "7000.00" }]);
  });

  test("changed names what differs from the files, and then nothing", async () => {
    const changes = [
      {
        file: "models/marts/metas.sql",
        from: "m.meta::integer as meta",
        to: "m.meta::integer as meta, 1 as peso",
      },
    ];
    await withSample(changes, async (folder) => {
      const selected = async () => {
        const plan = answer(
          await run("plan", "--project", folder, "--select", "changed", "--json"),
        );
        return plan.tables
          .map((one: { model: string }) => one.model)
          .filter((name: string) => !name.startsWith("seeds."));
      };
      expect(await selected()).toEqual(["marts.metas"]);
      expect((await run("build", "--project", folder, "--select", "changed")).code).toBe(0);
      expect(await selected()).toEqual([]);
      expect((await run("build", "--project", sampleProject, "--allow-destructive")).code).toBe(0);
    });
  });

  test("retry goes on with a repaired model, and has nothing to do after it", async () => {
    const broken = {
      file: "models/staging/comissoes.sql",
      from: "elt.as_money(l.payload ->> 'valor_comissao')",
      to: "(l.payload ->> 'ativo')",
    };
    await withSample([broken], async (folder) => {
      const failed = await run("build", "--project", folder);
      expect(failed.code).toBe(1);
      expect(failed.err).toContain("models/staging/comissoes.sql:");
    });
    const metabase = { METABASE_URL: "http://127.0.0.1:9", METABASE_API_KEY: "mb_nobody_there" };
    const again = await eltHere(["retry", "--project", sampleProject], {
      ...settings,
      ...metabase,
    });
    expect(again.code).toBe(0);
    expect(again.out).toContain("Metabase was not told of the publication");
    expect(again.out).toContain("beginning with staging.comissoes");
    const built = [...again.out.matchAll(/"model":"([\w.]+)","build":"table"/g)].map(
      (match) => match[1],
    );
    expect(built[0]).toBe("staging.comissoes");
    expect(
      await rows("select command, exit_code from elt.runs order by run_id desc limit 2"),
    ).toEqual([
      { command: "retry", exit_code: 0 },
      { command: "build", exit_code: 1 },
    ]);
    const third = await run("retry", "--project", sampleProject);
    expect(third.code).toBe(2);
    expect(third.err).toContain("there is nothing to retry");
  });

  test("show runs the file over what is built, and changed files with it, masked", async () => {
    const shown = answer(
      await run("show", "staging.reservas", "--project", sampleProject, "--limit", "1", "--json"),
    );
    expect(shown.rows).toHaveLength(1);
    expect(JSON.stringify(shown)).not.toContain("Maria");
    expect(shown.masked).toEqual(["cliente"]);
    const changes = [
      {
        file: "models/marts/vendas.sql",
        from: "    reservas.valor,",
        to: "    (reservas.valor + 1)::numeric(15, 2) as valor,",
      },
    ];
    await withSample(changes, async (folder) => {
      const text = (await run("show", "vw_vendas", "--project", folder)).out;
      expect(text).toContain("300002.00  acme");
      expect(text).toContain("computed from their files: marts.vendas");
      expect(await rows("select sum(valor)::text as v from marts.vendas")).toEqual([
        { v: "300000.00" },
      ]);
    });
  });

  test("show writes instants by Brasília's clock, to the last digit, whatever the session's zone", async () => {
    const instants = [
      "'2026-02-01T00:30:00Z'",
      "'2018-12-31T23:30:00.000001Z'",
      "'infinity'",
      "null",
      "'1900-01-01T12:00:00Z'",
    ].map((literal, at) => `${literal}::timestamptz as i${at}`);
    const changes = [
      {
        file: "models/marts/metas.sql",
        from: "select ",
        to: `select ${instants.join(", ")}, `,
      },
    ];
    await withSample(changes, async (folder) => {
      const shown = answer(await run("show", "metas", "--project", folder, "--json"));
      expect(shown.rows[0]).toMatchObject({
        ...{ i0: "2026-01-31 21:30:00-03", i1: "2018-12-31 21:30:00.000001-02" },
        ...{ i2: "infinity", i3: null, i4: "1900-01-01 08:53:32-03:06:28" },
      });
    });
  });

  test("show points into the file, and refuses what it cannot do", async () => {
    const changes = [{ file: "models/marts/metas.sql", from: "m.mes", to: "m.mss" }];
    await withSample(changes, async (folder) => {
      const { code, err } = await run("show", "metas", "--project", folder);
      expect(code).toBe(1);
      expect(err).toContain("models/marts/metas.sql:3:17: column m.mss does not exist");
    });
    expect((await run("show", "metas", "--project", sampleProject, "--limit", "0")).code).toBe(2);
    expect((await run("show", "--project", sampleProject)).err).toContain("Give one model");
    expect((await run("show", "nada", "--project", sampleProject)).err).toContain(
      "There is no model nada",
    );
    expect((await run("show", "metas", "--project", "/nonexistent")).err).toContain(
      "There is no folder models",
    );
  });

  test("show --watch shows again what is saved, and goes on after a mistake", async () => {
    await withSample([], async (folder) => {
      const file = path.join(folder, "models/marts/metas.sql");
      const text = await readFile(file, "utf8");
      const child = spawn(
        process.execPath,
        ["bin/elt.js", "show", "metas", "--watch", "--project", folder],
        {
          cwd: projectRoot,
          env: { PATH: process.env.PATH, HOME: process.env.HOME, ...settings },
        },
      );
      let seen = "";
      const waiting: { text: string; resolve: () => void }[] = [];
      const look = (chunk: string) => {
        seen += chunk;
        for (const one of waiting) if (seen.includes(one.text)) one.resolve();
      };
      child.stdout.setEncoding("utf8").on("data", look);
      child.stderr.setEncoding("utf8").on("data", look);
      const until = (wanted: string) =>
        new Promise<void>((resolve, reject) => {
          waiting.push({ text: wanted, resolve });
          child.once("close", () => reject(new Error(`ended before it said "${wanted}": ${seen}`)));
          look("");
        });
      await until("Watching");
      // An editor that empties a file before it writes it may be seen in between.
      await writeFile(file, "");
      await until("the file is empty");
      await writeFile(file, text.replace("m.meta::integer", "m.metta"));
      await until("column m.metta does not exist");
      await writeFile(file, text.replace("m.meta::integer", "42"));
      await until("42");
      const ended = once(child, "exit");
      child.kill("SIGTERM");
      await ended;
    });
  });

  test("test runs unit tests and published ones, of a selection too", async () => {
    const passed = await run(
      "test",
      "--project",
      sampleProject,
      "--select",
      "marts.vendas",
      "--json",
    );
    expect(passed.code).toBe(0);
    expect(answer(passed).tests.map((one: { model: string }) => one.model)).toEqual([
      "marts.vendas",
      "marts.vendas",
    ]);
    const unit = {
      file: "models/marts/metas.test.md",
      to: "## metas\n\ngiven seeds.metas\n\n| conta | mes | meta |\n| acme | 2026-01 | 10 |\n\nexpect\n\n| meta |\n| 11 |\n",
    };
    await withSample([unit], async (folder) => {
      const { code, err } = await run("test", "--project", folder);
      expect(code).toBe(1);
      expect(err).toContain("models/marts/metas.test.md:11:3: metas: meta is 10, expected 11");
      expect((await run("test", "--project", folder, "--select", "marts.vendas")).code).toBe(0);
    });
  });

  test("check tells problems as data, and only those of a selection", async () => {
    const changes = [
      { file: "models/marts/metas.sql", from: "m.mes", to: "m.mss" },
      { file: "models/marts/vendas.sql", from: "c.valor", to: "c.valr" },
    ];
    await withSample(changes, async (folder) => {
      const { code, out } = await run("check", "--project", folder, "--select", "metas", "--json");
      expect(code).toBe(1);
      expect(JSON.parse(out.split("\n")[0] ?? "").problems).toEqual([
        {
          file: "models/marts/metas.sql",
          line: 3,
          column: 17,
          message: "column m.mss does not exist",
          hint: expect.stringContaining("m.mes"),
        },
      ]);
    });
  });

  test("compile gives a text that runs, whole and for changed keys", async () => {
    const compiled = answer(
      await run("compile", "marts.vendas", "--project", sampleProject, "--json"),
    );
    expect(compiled.forKeys.key).toEqual(["conta", "reserva_id"]);
    const client = await database.pool.connect();
    try {
      await client.query("begin");
      await client.query(
        "create temporary table elt_keys on commit drop as select 'acme' as k1, 2::bigint as k2",
      );
      const whole = await client.query(compiled.whole);
      const some = await client.query(compiled.forKeys.sql);
      expect(some.rows).toEqual(
        whole.rows.filter((row: { reserva_id: string }) => row.reserva_id === "2"),
      );
      expect(some.rows).toHaveLength(1);
    } finally {
      await client.query("rollback");
      client.release();
    }
    const ranking = await run("compile", "ranking", "--project", sampleProject);
    expect(ranking.out).toContain("-- always computed whole: ");
  });

  test("lineage follows a column to the source and to what it feeds", async () => {
    const text = (await run("lineage", "vendas.valor", "--project", sampleProject)).out;
    expect(text).toContain(
      "    = marts.reservas.valor\n        = staging.reservas.valor\n            ← landing.reservas › valor_contrato",
    );
    expect(text).toContain(", marts.vendas_por_dia.valor,");
    const all = answer(await run("lineage", "--project", sampleProject, "--json"));
    expect(all).toHaveLength(30);
    expect(all.find((one: { model: string }) => one.model === "marts.estoque").reads).toEqual([
      "marts.unidades",
      "marts.vendas",
    ]);
    const unknown = await run("lineage", "vendas.vlor", "--project", sampleProject);
    expect(unknown.code).toBe(2);
    expect(unknown.err).toContain("marts.vendas has no column vlor: did you mean valor?");
  });

  test("docs writes a site whose links all lead somewhere, without a network", async () => {
    const folder = await mkdtemp(path.join(tmpdir(), "elt-docs-"));
    try {
      const { code, out } = await run(
        "docs",
        "--project",
        sampleProject,
        "--out",
        folder,
        "--json",
      );
      expect(code).toBe(0);
      const { pages } = JSON.parse(out) as { pages: readonly string[] };
      expect(pages).toHaveLength(34);
      for (const page of pages) {
        const markup = await readFile(path.join(folder, page), "utf8");
        expect(markup).not.toMatch(/(?:src|href)="(?:https?:)?\/\//);
        expect(markup).not.toContain("Maria");
        for (const [, link = ""] of markup.matchAll(/(?:href|src)="([^"#]+)(?:#[^"]*)?"/g)) {
          await readFile(path.join(folder, path.dirname(page), link));
        }
        for (const [, link = "", anchor = ""] of markup.matchAll(/href="([^"#]*)#([^"]+)"/g)) {
          const target = link === "" ? page : path.join(path.dirname(page), link);
          expect(await readFile(path.join(folder, target), "utf8")).toContain(`id="${anchor}"`);
        }
      }
      const vendas = await readFile(path.join(folder, "modelos/marts.vendas.html"), "utf8");
      expect(vendas).toContain("só as chaves que mudaram são recalculadas");
      expect(vendas).toContain("check(valor &gt;= 0)");
      expect(vendas).toContain("numeric(15,2)");
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  });

  test("docs tells of a folder that takes no files in a sentence", async () => {
    const folder = path.join(import.meta.filename, "site");
    const { code, err } = await run("docs", "--project", sampleProject, "--out", folder);
    expect(code).toBe(2);
    expect(err).toContain(`The folder ${folder} cannot be written to (ENOTDIR`);
    expect(err).not.toMatch(/\n\s+at /);
  });

  test.each(["build", "plan", "retry", "show", "check", "test", "compile", "lineage", "docs"])(
    "%s tells its usage",
    async (name) => {
      const { code, out } = await run(name, "--help");
      expect(code).toBe(0);
      expect(out).toContain(`Usage: elt ${name}`);
    },
  );
});
