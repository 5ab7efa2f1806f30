import type { Pool } from "pg";
import type { Account } from "../../../../emulator/account.ts";
import { type CvdwObject, defaultObjects } from "../../../../extract/catalogue.ts";

/** One change in landing. Numbers choose a record, a field, a donor: each counts round and round. */
export type LandingEdit =
  | {
      readonly kind: "edit";
      readonly place: Place;
      /** By number, or a name that another object may not have: then the edit is none. */
      readonly field: number | string;
      /** The value of the same field of another record, or a value of its own. */
      readonly value: { readonly donor: number } | { readonly own: string | number | null };
    }
  | { readonly kind: "insert"; readonly place: Place; readonly id: number }
  /** The version before the newest is landed again. */
  | { readonly kind: "back"; readonly place: Place }
  | { readonly kind: "remove"; readonly place: Place }
  | { readonly kind: "return"; readonly place: Place };

export type Place = {
  readonly conta: number;
  readonly object: number;
  readonly record: number;
};

/** Writes versions into landing as loads do: under a load of each object and account. */
export type Lander = {
  /** All records of an account, as one load of each object. */
  readonly landAll: (account: Account) => Promise<void>;
  readonly apply: (edit: LandingEdit) => Promise<void>;
  /** Ends the loads under way. */
  readonly finishLoads: () => Promise<void>;
};

type Version = {
  readonly chave: string;
  readonly load_id: string;
  readonly seq: string;
  readonly payload: Record<string, unknown>;
};

/** Opens it for the accounts of these names. */
export function openLander(pool: Pool, contas: readonly string[]): Lander {
  const open = new Map<string, string>();
  let seq = 1_000_000;

  async function loadOf(conta: string, object: CvdwObject): Promise<string> {
    const name = `${conta} ${object.name}`;
    const known = open.get(name);
    if (known !== undefined) return known;
    const { rows } = await pool.query(
      "insert into elt.loads (conta, objeto, mode) values ($1, $2, 'incremental') returning load_id",
      [conta, object.name],
    );
    open.set(name, rows[0].load_id);
    return rows[0].load_id;
  }

  async function versionsOf(conta: string, object: CvdwObject): Promise<readonly Version[]> {
    const { rows } = await pool.query(
      `select chave, load_id, seq, payload from landing.${object.name}_atual
       where conta = $1 order by chave`,
      [conta],
    );
    return rows;
  }

  async function insert(
    conta: string,
    object: CvdwObject,
    version: Omit<Version, "load_id" | "seq"> & Partial<Pick<Version, "load_id" | "seq">>,
  ): Promise<void> {
    await pool.query(
      `insert into landing.${object.name} (
         conta, chave, load_id, seq, supersedes_load_id, supersedes_seq, hash, payload
       )
       values ($1, $2, $3, $4, $5, $6, gen_random_uuid(), $7)`,
      [
        conta,
        version.chave,
        await loadOf(conta, object),
        seq++,
        version.load_id ?? null,
        version.seq ?? null,
        JSON.stringify(version.payload),
      ],
    );
  }

  async function apply(edit: LandingEdit): Promise<void> {
    const conta = at(contas, edit.place.conta);
    const object = at(defaultObjects, edit.place.object);
    const versions = await versionsOf(conta, object);
    if (edit.kind === "return") return bringBack(conta, object, edit.place.record);
    if (versions.length === 0) return;
    const version = at(versions, edit.place.record);
    switch (edit.kind) {
      case "edit": {
        const fields = Object.keys(version.payload).filter((name) => !object.key.includes(name));
        const field = typeof edit.field === "number" ? at(fields.sort(), edit.field) : edit.field;
        if (!fields.includes(field)) return;
        const value =
          "donor" in edit.value ? at(versions, edit.value.donor).payload[field] : edit.value.own;
        await insert(conta, object, {
          ...version,
          payload: { ...version.payload, [field]: value },
        });
        return;
      }
      case "back": {
        const { rows } = await pool.query(
          `select payload from landing.${object.name}
           where conta = $1 and chave = $2 order by load_id desc, seq desc limit 1 offset 1`,
          [conta, version.chave],
        );
        const [before] = rows;
        if (before !== undefined)
          await insert(conta, object, { ...version, payload: before.payload });
        return;
      }
      case "insert": {
        const chave = String(edit.id);
        const [key = ""] = object.key;
        const { rows } = await pool.query(
          `select from landing.${object.name} where conta = $1 and chave = $2`,
          [conta, chave],
        );
        if (rows.length > 0) return;
        await insert(conta, object, { chave, payload: { ...version.payload, [key]: edit.id } });
        return;
      }
      case "remove": {
        const load = await loadOf(conta, object);
        await pool.query(
          `update landing.${object.name} set removed_at = now() where conta = $1 and chave = $2`,
          [conta, version.chave],
        );
        await pool.query(
          `insert into elt.removals (conta, objeto, chave, missing_in, removed_in, removed_at)
           values ($1, $2, $3, $4, $5, now())`,
          [conta, object.name, version.chave, seq++, load],
        );
      }
    }
  }

  async function bringBack(conta: string, object: CvdwObject, record: number): Promise<void> {
    const { rows } = await pool.query(
      `select chave from elt.removals
       where conta = $1 and objeto = $2 and returned_in is null order by chave`,
      [conta, object.name],
    );
    if (rows.length === 0) return;
    const { chave } = at(rows, record);
    await pool.query(
      `update elt.removals set returned_in = $4, returned_at = now()
       where conta = $1 and objeto = $2 and chave = $3 and returned_in is null`,
      [conta, object.name, chave, await loadOf(conta, object)],
    );
    await pool.query(
      `update landing.${object.name} set removed_at = null where conta = $1 and chave = $2`,
      [conta, chave],
    );
  }

  return {
    apply,
    async landAll(account) {
      for (const object of defaultObjects) {
        await pool.query("select landing.create_object($1)", [object.name]);
        const load = await loadOf(account.conta, object);
        const { rows } = account.page(object.name, {}, 0, Number.MAX_SAFE_INTEGER);
        await pool.query(
          `insert into landing.${object.name} (conta, chave, load_id, seq, hash, payload)
           select $1, payload ->> $2, $3, n, gen_random_uuid(), payload
           from jsonb_array_elements($4::jsonb) with ordinality as t (payload, n)`,
          [account.conta, object.key[0], load, `[${rows.join()}]`],
        );
      }
    },
    async finishLoads() {
      await pool.query("update elt.loads set verdict = 'proven' where verdict = 'running'");
      open.clear();
    },
  };
}

/** The element at a number that counts round and round. */
export function at<T>(list: readonly T[], index: number): T {
  const found = list[index % list.length];
  if (found === undefined) throw new Error("an empty list has no element");
  return found;
}
