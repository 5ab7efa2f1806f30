import { lookup } from "node:dns/promises";
import { connect, type PeerCertificate } from "node:tls";
import { request } from "undici";
import type { SourceConfig } from "../config.ts";
import { compareClocks } from "./check-clock.ts";
import { type Finding, fail, ok, skip, warn } from "./finding.ts";

const TIMEOUT_MS = 10_000;
const DAY_MS = 86_400_000;

/** Looks how CVDW is reached: name, TLS, clock. Costs none of the account's requests. */
export async function checkSourceAddress(
  { url, conta }: SourceConfig,
  now: () => Date,
  signal: AbortSignal,
): Promise<readonly Finding[]> {
  const { hostname, protocol, port, origin } = new URL(url);
  const host = hostname.replace(/^\[(.*)\]$/, "$1");
  const name = await checkName(host, conta);
  if (name.status === "fail") return [name, skip("TLS", "The host has no address.")];
  // Plain HTTP is taken only to this machine, where an emulator counts whatever it is asked.
  if (protocol !== "https:") return [name, ok("TLS", "None: the source is on this machine.")];
  const tls = await checkTls(host, Number(port || 443), now(), signal);
  if (tls.status === "fail") return [name, tls];
  return [name, tls, await checkClock(origin, now, signal)];
}

async function checkName(host: string, conta: string): Promise<Finding> {
  const check = "DNS";
  try {
    const { address } = await lookup(host);
    return ok(check, `${host} is at ${address}.`);
  } catch (error) {
    const code = error instanceof Error && "code" in error ? String(error.code) : "";
    return code === "ENOTFOUND"
      ? fail(
          check,
          `${host} has no address.`,
          `Check CVCRM_ACCOUNT (${conta}): the first part of the address that people open CV with.`,
        )
      : fail(check, `${host} could not be looked up (${code}).`, "Check this machine's network.");
  }
}

async function checkTls(
  host: string,
  port: number,
  now: Date,
  signal: AbortSignal,
): Promise<Finding> {
  const check = "TLS";
  try {
    const { certificate, version } = await shakeHands(host, port, signal);
    const until = new Date(certificate.valid_to);
    const days = Math.floor((until.getTime() - now.getTime()) / DAY_MS);
    const text = `${version}, certificate valid until ${until.toISOString().slice(0, 10)}.`;
    return days < 7
      ? warn(check, text, "The vendor renews it; if the day comes near, ask its support.")
      : ok(check, text);
  } catch (error) {
    const reason = error instanceof Error && "code" in error ? String(error.code) : "no answer";
    const isCertificate = /CERT|SELF_SIGNED|UNABLE_TO|ERR_TLS/.test(reason);
    return isCertificate
      ? fail(
          check,
          `The certificate of ${host} was refused (${reason}).`,
          "Check this machine's clock; where a firewall opens TLS, give its authority in NODE_EXTRA_CA_CERTS.",
        )
      : fail(
          check,
          `${host}:${port} cannot be reached (${reason}).`,
          "Check the network and the firewall.",
        );
  }
}

function shakeHands(
  host: string,
  port: number,
  signal: AbortSignal,
): Promise<{ readonly certificate: PeerCertificate; readonly version: string }> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host, port, servername: host, timeout: TIMEOUT_MS });
    const giveUp = (): void => {
      socket.destroy(Object.assign(new Error("no answer"), { code: "ETIMEDOUT" }));
    };
    signal.addEventListener("abort", giveUp, { once: true });
    socket.once("timeout", giveUp);
    socket.once("error", reject);
    socket.once("secureConnect", () => {
      resolve({
        certificate: socket.getPeerCertificate(),
        version: socket.getProtocol() ?? "TLS",
      });
      socket.end();
    });
    socket.once("close", () => signal.removeEventListener("abort", giveUp));
  });
}

/** Any answer carries the time; what stands in it does not matter here. */
async function checkClock(origin: string, now: () => Date, signal: AbortSignal): Promise<Finding> {
  const check = "source clock";
  try {
    const asked = now().getTime();
    const { headers, body } = await request(origin, {
      method: "HEAD",
      headersTimeout: TIMEOUT_MS,
      signal,
    });
    await body.dump();
    const there = Date.parse(String(headers.date));
    if (Number.isNaN(there)) return skip(check, "The source does not tell its time.");
    const answered = now().getTime();
    // The header has whole seconds, of some moment between question and answer.
    const here = new Date((asked + answered) / 2);
    return compareClocks(check, { here, there: new Date(there + 500) }, 2_000);
  } catch {
    return skip(check, "The source did not tell its time.");
  }
}
