import { once } from "node:events";
import { createServer, type IncomingHttpHeaders } from "node:http";
import type { AddressInfo } from "node:net";
import { buffer, text } from "node:stream/consumers";
import PostalMime, { type Email } from "postal-mime";
import { SMTPServer } from "smtp-server";

/** A message that a mail server took, as it came and as a reader shows it. */
export type Mail = {
  readonly from: string;
  readonly to: readonly string[];
  readonly raw: string;
  readonly email: Email;
};

/** A real mail server that keeps what it is given. */
export type Mailbox = {
  readonly url: string;
  readonly port: number;
  readonly mails: readonly Mail[];
  /** Refuses every message with this answer of SMTP until it is called without one. */
  readonly refuse: (code?: number) => void;
  readonly close: () => Promise<void>;
};

/** Starts a mail server on this machine; with a login it takes mail from nobody else. */
export async function startMailbox(
  login?: { readonly user: string; readonly password: string },
  options: { readonly secure?: boolean; readonly port?: number } = {},
): Promise<Mailbox> {
  const mails: Mail[] = [];
  let refusal: number | undefined;
  const server = new SMTPServer({
    secure: options.secure ?? false,
    authOptional: login === undefined,
    allowInsecureAuth: true,
    disabledCommands: ["STARTTLS"],
    onAuth: ({ username, password }, _session, callback) => {
      if (username === login?.user && password === login?.password) {
        callback(null, { user: username });
      } else callback(new Error("wrong login"));
    },
    onMailFrom: (_address, _session, callback) => {
      if (refusal === undefined) callback();
      else callback(Object.assign(new Error("not now"), { responseCode: refusal }));
    },
    onData: (stream, { envelope }, callback) => {
      const take = async () => {
        const raw = await buffer(stream);
        mails.push({
          from: envelope.mailFrom === false ? "" : envelope.mailFrom.address,
          to: envelope.rcptTo.map(({ address }) => address),
          raw: raw.toString("latin1"),
          email: await PostalMime.parse(raw),
        });
      };
      take().then(() => callback(), callback);
    },
  });
  server.on("error", () => undefined);
  server.listen(options.port ?? 0, "127.0.0.1");
  await once(server.server, "listening");
  const { port } = server.server.address() as AddressInfo;
  return {
    url: `smtp://127.0.0.1:${port}`,
    port,
    mails,
    refuse: (code) => {
      refusal = code;
    },
    close: () => new Promise((resolve) => server.close(() => resolve())),
  };
}

/** One message that a webhook was sent. */
export type Post = {
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: {
    readonly text: string;
    readonly blocks: readonly { readonly type: string; readonly text: { readonly text: string } }[];
  };
};

export type Webhook = {
  readonly url: string;
  readonly posts: readonly Post[];
  /** Answers with this status until it is called without one. */
  readonly answer: (status?: number) => void;
  readonly close: () => Promise<void>;
};

/** Starts an HTTP server that takes messages as Slack does. */
export async function startWebhook(): Promise<Webhook> {
  const posts: Post[] = [];
  let status = 200;
  const server = createServer(async (request, response) => {
    const body = JSON.parse(await text(request)) as Post["body"];
    if (status < 300) posts.push({ path: request.url ?? "", headers: request.headers, body });
    response.writeHead(status, { location: "/elsewhere" }).end(status < 300 ? "ok" : "no_service");
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/services/T0/B0/hunter2`,
    posts,
    answer: (next = 200) => {
      status = next;
    },
    close: async () => {
      server.close();
      server.closeAllConnections();
      await once(server, "close");
    },
  };
}
