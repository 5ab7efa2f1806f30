import { cp, mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";

/** A sample project of 30 models without a mistake. */
export const sampleProject = path.join(import.meta.dirname, "../fixtures/sample");
/** What a person reads of each mistake. */
export const goldenFolder = path.join(import.meta.dirname, "../fixtures/mistakes");

type Change = { readonly file: string; readonly from?: string; readonly to: string };

/** Mistakes that people make, as changes of the sample project. Without `from`: a new file. */
export const mistakes: Readonly<Record<string, readonly Change[]>> = {
  syntax: [
    { file: "models/marts/unidades.sql", from: "from staging", to: "fro staging" },
    {
      file: "models/marts/vendas.sql",
      from: "    reservas.data_venda,\n",
      to: "    reservas.data_venda,,\n",
    },
    { file: "models/marts/metas.sql", from: "select", to: "insert into x select" },
  ],
  "unknown-relation": [
    { file: "models/marts/estoque.sql", from: "from marts.unidades", to: "from marts.unidade" },
    { file: "models/marts/metas.sql", from: "seeds.metas", to: "seeds.meta" },
    {
      file: "models/staging/repasses.sql",
      from: "landing.repasses_atual",
      to: "landing.repases_atual",
    },
    {
      file: "models/marts/ranking.sql",
      from: "from marts.vendas_por_corretor",
      to: "from vendas_por_corretor",
    },
    { file: "views/vw_comissoes.sql", from: "marts.comissoes", to: "marts.folha" },
  ],
  "unknown-column": [
    {
      file: "models/marts/vendas.sql",
      from: "reservas.empreendimento_id,",
      to: "reservas.empreendimentoid,",
    },
    { file: "models/marts/vendas.sql", from: "c.valor", to: "c.valr" },
    { file: "models/marts/vendas.sql", from: "reservas.corretor,", to: "reserva.corretor," },
    { file: "models/marts/corretores.sql", from: "u.corretor\n", to: "u.corretor, u.telefone\n" },
    { file: "models/staging/unidades.sql", from: "elt.as_money(", to: "elt.as_monye(" },
    // What reads a broken model is looked at all the same.
    { file: "models/marts/vendas_por_unidade.sql", from: "sum(v.valor)", to: "sum(v.vlaor)" },
  ],
  type: [
    { file: "models/marts/repasses.sql", from: "u.valor", to: "u.banco + 1 as valor" },
    { file: "views/vw_ranking.sql", from: "r.lugar <= 10", to: "r.lugar <= 'dez'" },
    { file: "models/marts/metas.sql", from: "m.meta::integer", to: "m.meta::numerico" },
    {
      file: "models/marts/estoque.sql",
      from: "u.valor_tabela\n",
      to: "u.valor_tabela, u.unidade_id\n",
    },
  ],
  circle: [
    {
      file: "models/marts/comissoes.sql",
      from: "from staging.comissoes as c",
      to: "from staging.comissoes as c\ninner join marts.vendas as v using (conta, reserva_id)",
    },
  ],
  "wrong-way": [
    {
      file: "models/marts/distratos.sql",
      from: "from staging.distratos as u",
      to: "from landing.distratos_atual as u",
    },
    { file: "views/vw_estoque.sql", from: "from marts.estoque", to: "from staging.unidades" },
    {
      file: "models/staging/atendimentos.sql",
      from: "from landing.atendimentos_atual as l",
      to: "from landing.atendimentos_atual as l, marts.vendas as v",
    },
    {
      file: "models/staging/distratos.sql",
      from: "from landing.distratos_atual as l",
      to: "from landing.distratos_atual as l, landing.reservas_atual as r",
    },
  ],
  "two-of-one-name": [
    {
      file: "models/marts/comercial/vendas.sql",
      to: "-- Outra.\n-- @key conta\nselect distinct r.conta from marts.reservas as r\n",
    },
  ],
  header: [
    { file: "models/marts/reservas.sql", from: "-- @key ", to: "-- @kye " },
    {
      file: "models/marts/vendas.sql",
      from: "-- @test   references(reserva_id, marts.reservas)",
      to: "-- @test   referencs(reserva_id, marts.reservas)",
    },
    {
      file: "models/marts/vendas.sql",
      from: "-- @key    conta, reserva_id",
      to: "-- @key    conta, reservaid",
    },
    {
      file: "models/marts/comissoes.sql",
      from: "-- @tag vendas",
      to: "-- @build tabel\n-- @pii corretor none",
    },
    {
      file: "models/staging/repasses.sql",
      from: "lossless(repasse_id, idrepasse)",
      to: "references(repase_id, marts.repasses) > 3 row s",
    },
    {
      file: "models/marts/unidades.sql",
      from: "-- @key",
      to: "-- @test references(empreendimento_id, marts.vendas_por_empreendimento, empreendimento)\n-- @warn check(valor_tabla > 0)\n-- @warn required(unidde)\n-- @column\n-- @key",
    },
    { file: "views/vw_vendas.sql", from: "-- Vendas.", to: "-- Vendas.\n-- @pii total nome" },
    {
      file: "models/staging/unidades.sql",
      from: "-- @key  conta, chave",
      to: "-- @key  conta, chave\n-- @fresh warn 12h, eror 3d\n-- @fresh warn 3 dias",
    },
    {
      file: "models/marts/corretores.sql",
      from: "-- @key",
      to: "-- @fresh error 3d\n-- @key",
    },
  ],
  tests: [
    {
      file: "models/tests/nada.sql",
      to: "-- @test > many rows\nselect v.conta from marts.venda as v\n",
    },
    {
      file: "models/marts/metas.test.md",
      to: "## metas\n\ngiven seeds.metas\n\n| conta | mes     | meta |\n|-------|---------|------|\n| acme  | 2026-01 | 10   |\n\nexpect\n\n| conta | mes     | meta |\n|-------|---------|------|\n| acme  | 2026-01 | 11   |\n",
    },
  ],
};

/** Mistakes that show only on rows: `land` holds records of landing by object. */
export const mistakesOnRows: Readonly<
  Record<
    string,
    {
      readonly changes: readonly Change[];
      readonly land: Readonly<Record<string, readonly object[]>>;
    }
  >
> = {
  "cast-at-run-time": {
    changes: [
      {
        file: "models/staging/repasses.sql",
        from: "elt.as_money(l.payload ->> 'valor_financiado')",
        to: "(l.payload ->> 'valor_financiado')",
      },
    ],
    land: {
      repasses: [
        { idrepasse: 1, idreserva: 10, valor_financiado: "150000.00" },
        { idrepasse: 2, idreserva: 11, valor_financiado: "R$ 98.765,43" },
      ],
    },
  },
  "failing-test": {
    changes: [
      {
        file: "models/marts/vendas.sql",
        from: "-- @warn   check(valor >= 0)",
        to: "-- @test   check(valor >= 1000)",
      },
    ],
    land: {
      reservas: [
        {
          idreserva: 1,
          titular: "Maria da Silva",
          situacao: "Vendida",
          valor_contrato: "450.000,00",
          data_venda: "2026-01-10",
          idcorretor: 5,
        },
        {
          idreserva: 2,
          titular: "João Souza",
          situacao: "Vendida",
          valor_contrato: "12,00",
          data_venda: "2026-01-11",
        },
      ],
    },
  },
  "failing-file": {
    changes: [
      {
        file: "models/tests/sem_corretor.sql",
        to: "-- Toda venda tem corretor.\nselect v.conta, v.reserva_id, v.corretor, r.cliente\nfrom marts.vendas as v\ninner join marts.reservas as r using (conta, reserva_id)\nwhere v.corretor_id is null\n",
      },
    ],
    land: {
      reservas: [
        {
          idreserva: 1,
          titular: "Maria da Silva",
          situacao: "Vendida",
          valor_contrato: "450.000,00",
          data_venda: "2026-01-10",
          idcorretor: 5,
        },
        {
          idreserva: 2,
          titular: "João Souza",
          situacao: "Vendida",
          valor_contrato: "12,00",
          data_venda: "2026-01-11",
        },
      ],
    },
  },
  key: {
    changes: [
      {
        file: "models/marts/distratos.sql",
        from: "-- @key conta, reserva_id",
        to: "-- @key conta, motivo",
      },
    ],
    land: {
      distratos: [
        { idreserva: 1, motivo: "Crédito" },
        { idreserva: 2, motivo: "Crédito" },
      ],
    },
  },
};

/** A copy of the sample project with changes, for as long as `work` takes. */
export async function withSample<T>(
  changes: readonly Change[],
  work: (folder: string) => Promise<T>,
): Promise<T> {
  const folder = await mkdtemp(path.join(tmpdir(), "elt-sample-"));
  try {
    await cp(sampleProject, folder, { recursive: true });
    for (const { file, from, to } of changes) {
      const place = path.join(folder, file);
      if (from === undefined) {
        await mkdir(path.dirname(place), { recursive: true });
        await writeFile(place, to);
        continue;
      }
      const text = await readFile(place, "utf8");
      if (!text.includes(from)) throw new Error(`${file} has no ${from}`);
      await writeFile(
        place,
        text.replace(from, () => to),
      );
    }
    return await work(folder);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
