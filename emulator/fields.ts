import fields from "./fields.json" with { type: "json" };

/** A field: `<type> [<wire forms, joined by |>] [-> <object its id points at>]`; an object describes a nested array's rows. */
export type FieldSpec = string | { readonly [name: string]: FieldSpec };

/** What the emulator knows of one object of CVDW. */
export type ObjectSpec = {
  /** Path below the API base. */
  readonly path: string;
  /** Fields that identify a record. */
  readonly key: readonly string[];
  /** The field whose value `referencia_data` repeats. `data_cad` means that an edit does not move the row. */
  readonly referencia_data_is?: string;
  readonly fields: { readonly [name: string]: FieldSpec };
};

const byName: { readonly [name: string]: ObjectSpec } = fields;

/** Every object, by its name. */
export const objectSpecs: ReadonlyMap<string, ObjectSpec> = new Map(Object.entries(byName));

/**
 * The object that answers at a path below the API base, or undefined. `corretores_profissional`
 * has no endpoint of its own: its path is that of `corretores`, whose rows it shows.
 */
export function objectAtPath(path: string): string | undefined {
  return namesByPath.get(path);
}

const namesByPath = new Map<string, string>();
for (const [name, spec] of objectSpecs) {
  if (!namesByPath.has(spec.path)) namesByPath.set(spec.path, name);
}

/** The specification of an object; throws on a name the source does not have. */
export function specOf(object: string): ObjectSpec {
  const spec = objectSpecs.get(object);
  if (spec === undefined) throw new Error(`CVDW has no object named "${object}"`);
  return spec;
}
