import type { Pool } from "pg";
import type { Emulator } from "../../emulator/server.ts";
import {
  type EmulatedAccount,
  type Extracted,
  emulatedAccount,
  extractEmulated,
} from "./emulated-extraction.ts";
import { type FaultCase, numberedRecord, repetitions, struckRow } from "./fault-cases.ts";

/** An account with what a case needs, before anything strikes. */
export type FaultAccount = EmulatedAccount & {
  /** Has `read` bring what is there before the fault, and adds what comes besides. */
  readonly prepare: (read: () => Promise<unknown>) => Promise<void>;
};

/** An object beside the struck one, which has to arrive whatever happens. */
export const companion = "imobiliarias";

const COMPANION_RECORDS = [
  { idimobiliaria: 1, referencia_data: "2026-01-01 08:00:00", nome: "Imobiliária Aurora" },
  { idimobiliaria: 2, referencia_data: "2026-01-02 08:00:00", nome: "Imobiliária Boa Vista" },
];

/** Makes the account of a case. */
export function faultAccount({ conta, object, fault }: FaultCase): FaultAccount {
  const records = numbered(object, 1, fault.records, "2026-01-10");
  const source = emulatedAccount(conta, { [object]: records, [companion]: COMPANION_RECORDS });
  return {
    ...source,
    async prepare(read) {
      if (fault.before === "nothing") return;
      await read();
      source.letPass(120);
      if (fault.before === "all records") return;
      for (const record of numbered(object, fault.records + 1, fault.records, "2026-02-10")) {
        source.account.insert(object, record);
      }
    },
  };
}

function numbered(object: FaultCase["object"], from: number, count: number, day: string) {
  return Array.from({ length: count }, (_, i) => numberedRecord(object, from + i, day));
}

/** Scripts the fault of a case and gives the function that ends it. */
export function scriptFault(
  emulator: Emulator,
  { conta, object, fault, ...cell }: FaultCase,
): () => void {
  const row = struckRow(cell.place, fault);
  return emulator.fault({
    conta,
    object,
    row,
    times: repetitions[cell.repetition],
    ...fault.script,
  });
}

/** The load of the struck object before anything strikes. */
export function firstLoad(
  pool: Pool,
  source: EmulatedAccount & { readonly url: string },
  { object, fault }: FaultCase,
): Promise<Extracted> {
  return extractEmulated(pool, source, [object], { pageSize: fault.pageSize });
}

/** One run of the program over the struck object and its companion. */
export async function runCase(
  pool: Pool,
  source: EmulatedAccount & { readonly url: string },
  { object, fault }: FaultCase,
): Promise<Extracted> {
  const { pageSize, timeoutMs } = fault;
  return extractEmulated(pool, source, [object, companion], {
    pageSize,
    full: fault.before === "all records",
    ...(timeoutMs === undefined ? {} : { timeoutMs }),
  });
}
