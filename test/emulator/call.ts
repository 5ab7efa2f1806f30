import type { Account } from "../../emulator/account.ts";
import type { Emulator } from "../../emulator/server.ts";

export type Called = {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
};

/** Asks an emulator for a path (query included, as written) with an account's credentials. */
export async function call(
  emulator: Emulator,
  account: Pick<Account, "email" | "token">,
  path: string,
): Promise<Called> {
  const response = await fetch(emulator.url + path, {
    headers: { email: account.email, token: account.token },
    redirect: "manual",
  });
  return { status: response.status, headers: response.headers, text: await response.text() };
}

export type Envelope = {
  readonly pagina: number | string;
  readonly registros: number;
  readonly total_de_registros: number;
  readonly total_de_paginas: number;
  readonly dados: readonly Record<string, unknown>[];
};

/** The page a path answers with; throws when it answers anything but 200. */
export async function page(
  emulator: Emulator,
  account: Pick<Account, "email" | "token">,
  path: string,
): Promise<Envelope> {
  const { status, text } = await call(emulator, account, path);
  if (status !== 200) throw new Error(`${path} answered ${status}: ${text}`);
  return JSON.parse(text);
}
