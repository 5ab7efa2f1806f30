import type { CommandGroup } from "../runner/cli.ts";

/** Every command, in the groups and the order in which `elt help` lists them. */
export const commandGroups: readonly CommandGroup[] = [
  {
    title: "Every day",
    commands: {
      run: {
        summary: "extract, build, test and publish, once",
        load: () => import("../runner/commands/run.ts"),
      },
      worker: {
        summary: "elt run by a schedule, until it is stopped; alerts while it waits",
        load: () => import("../runner/commands/worker.ts"),
      },
      status: {
        summary: "the last runs, cursors and publication",
        load: () => import("../runner/commands/status.ts"),
      },
      serve: {
        summary: "serve the dashboard and the JSON API",
        load: () => import("../server/serve-command.ts"),
      },
    },
  },
  {
    title: "Source",
    commands: {
      extract: {
        summary: "land CVDW objects, without building models",
        load: () => import("../runner/commands/extract.ts"),
      },
      drift: {
        summary: "fields that came, went or changed, and those no model reads",
        load: () => import("../runner/commands/drift.ts"),
      },
      quarantine: {
        summary: "records that could not land as they were sent; tries them again",
        load: () => import("../runner/commands/quarantine.ts"),
      },
    },
  },
  {
    title: "Models",
    commands: {
      check: {
        summary: "find every problem in the models, without building them",
        load: () => import("../runner/commands/check.ts"),
      },
      show: {
        summary: "the first rows of a model, as its file stands now",
        load: () => import("../runner/commands/show.ts"),
      },
      plan: {
        summary: "what a build would change, without publishing it",
        load: () => import("../runner/commands/plan.ts"),
      },
      build: {
        summary: "build, test and publish the models from what is landed",
        load: () => import("../runner/commands/build.ts"),
      },
      retry: {
        summary: "build again what failed, beginning with the model that did",
        load: () => import("../runner/commands/retry.ts"),
      },
      publish: {
        summary: "publish what a guard held back, once somebody saw that it is right",
        load: () => import("../runner/commands/publish.ts"),
      },
      test: {
        summary: "run every test: unit tests, and those on what is published",
        load: () => import("../runner/commands/test.ts"),
      },
      env: {
        summary: "environments, where models are tried out beside what is published",
        load: () => import("../runner/commands/env.ts"),
      },
      compile: {
        summary: "the SQL of a model as a build runs it",
        load: () => import("../runner/commands/compile.ts"),
      },
      lineage: {
        summary: "where models and columns come from, and what they feed",
        load: () => import("../runner/commands/lineage.ts"),
      },
      docs: {
        summary: "write a site that documents the models, to open from a folder",
        load: () => import("../server/docs-command.ts"),
      },
    },
  },
  {
    title: "Readers",
    commands: {
      keys: {
        summary: "keys of the API: make, list, revoke",
        load: () => import("../server/keys-command.ts"),
      },
      bi: {
        summary: "connection settings for Metabase, Power BI and Excel",
        load: () => import("../server/bi-command.ts"),
      },
    },
  },
  {
    title: "Operation",
    commands: {
      doctor: {
        summary: "everything that the program needs, and what to do where it lacks",
        load: () => import("../runner/commands/doctor.ts"),
      },
      alert: {
        summary: "what is wrong now, and a test of who is told of it",
        load: () => import("../runner/commands/alert.ts"),
      },
      verify: {
        summary: "landing against the source, marts against a fresh build, all tests",
        load: () => import("../runner/commands/verify.ts"),
      },
      accounts: {
        summary: "the accounts that were read, and those that are read no longer",
        load: () => import("../runner/commands/accounts.ts"),
      },
      prune: {
        summary: "let old versions, changes and logs go",
        load: () => import("../runner/commands/prune.ts"),
      },
      backup: {
        summary: "landing and all that is needed to go on, into a folder",
        load: () => import("../runner/commands/backup.ts"),
      },
      restore: {
        summary: "a backup, into an empty database",
        load: () => import("../runner/commands/restore.ts"),
      },
      forget: {
        summary: "erase a person (LGPD), and keep them erased",
        load: () => import("../runner/commands/forget.ts"),
      },
      migrate: {
        summary: "bring the database's own schemas to this version",
        load: () => import("../runner/commands/migrate.ts"),
      },
    },
  },
  {
    title: "Trying out",
    commands: {
      demo: {
        summary: "the whole product on made-up data: no account, no database needed",
        load: () => import("../server/demo-command.ts"),
      },
      emulator: {
        summary: "serve an emulated CVDW that any client can be pointed at",
        load: () => import("../emulator/emulator-command.ts"),
      },
    },
  },
];
