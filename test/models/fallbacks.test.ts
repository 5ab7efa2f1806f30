import { afterAll, beforeAll, expect, test } from "vitest";
import { createAccount } from "../../emulator/account.ts";
import type { CvdwRecord } from "../../emulator/record.ts";
import { recordOf } from "../../emulator/record-of.ts";
import type { RunEvent } from "../../runner/events.ts";
import { runPipeline } from "../pipeline.ts";
import { createTestDatabase, type TestDatabase } from "../postgres.ts";

/** Nothing that a cast takes for a date or a number. */
const unreadable = "ontem?";
const edited = { data_modificacao: unreadable, referencia_data: "2026-02-03 10:20:30" };

/** One record of every object whose marts take a value from the first field that has one. */
const records: { readonly [object: string]: CvdwRecord } = {
  atendimentos: { idatendimento: 1, ...edited },
  distratos: {
    idreserva: 1,
    situacao_data: unreadable,
    data_sincronizacao: "2026-01-15 08:00:00",
    data_cad: "2025-12-01 09:00:00",
    referencia_data: "2026-02-03 10:20:30",
  },
  imobiliarias: { idimobiliaria: 1, ...edited },
  repasses: { idrepasse: 1, idreserva: unreadable, reserva: 1, ...edited },
  reservas: { idreserva: 1, nome_time: " ", time: "Time B", ...edited },
  reservas_condicoes: { idreservascondicoes: 1, idreserva: 1, ...edited },
};

let database: TestDatabase;
let events: readonly RunEvent[];
beforeAll(async () => {
  database = await createTestDatabase();
  const objects = Object.fromEntries(
    Object.entries(records).map(([object, record]) => [object, [recordOf(object, record)]]),
  );
  ({ events } = await runPipeline(database, createAccount({ conta: "praia", objects })));
});
afterAll(() => database.drop());

test("a mart shows the next field's value where the first one cannot be read or is blank", async () => {
  const { rows } = await database.pool.query(
    `select
       (select to_char(data_distrato, 'YYYY-MM-DD') from marts.distratos) as distrato,
       (select reserva_id::int from marts.repasses) as reserva,
       (select time_corretor from marts.reservas) as time_corretor,
       (select array_agg(distinct to_char(
            atualizado_em at time zone 'America/Sao_Paulo', 'YYYY-MM-DD HH24:MI:SS'))
          from (
            select atualizado_em from marts.atendimentos
            union all select atualizado_em from marts.repasses
            union all select atualizado_em from marts.reservas
            union all select atualizado_em from marts.condicoes
          ) as alteracoes) as atualizado_em`,
  );
  expect(rows).toEqual([
    {
      distrato: "2026-01-15",
      reserva: 1,
      time_corretor: "Time B",
      atualizado_em: ["2026-02-03 10:20:30"],
    },
  ]);
});

test("a value that cannot be read is listed as lost, though another field stands in for it", () => {
  const lost = events.flatMap((event) =>
    event.type === "test-failed" && event.test.startsWith("lossless")
      ? [`${event.model} ${event.test}`]
      : [],
  );
  expect(lost.sort()).toEqual([
    "staging.atendimentos lossless(data_modificacao, data_modificacao)",
    "staging.distratos lossless(situacao_data, situacao_data)",
    "staging.imobiliarias lossless(data_modificacao, data_modificacao)",
    "staging.repasses lossless(data_modificacao, data_modificacao)",
    "staging.repasses lossless(reserva_id, idreserva)",
    "staging.reservas lossless(data_modificacao, data_modificacao)",
    "staging.reservas_condicoes lossless(data_modificacao, data_modificacao)",
  ]);
});
