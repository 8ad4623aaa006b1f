import { after, before, describe } from "node:test";
import { needs } from "../servers/needs.ts";
import { faultTests } from "./sql/faults.ts";
import { startLab, type Lab } from "./sql/lab.ts";
import { postgresDrivers } from "./sql/targets.ts";

describe("postgresStore when PostgreSQL or the network fails", { skip: needs("postgres") }, () => {
  let lab: Lab;
  before(async () => {
    lab = await startLab("postgres");
    await lab.admin("CREATE ROLE reader LOGIN SUPERUSER");
    await lab.admin("ALTER ROLE reader SET default_transaction_read_only = on");
  });
  after(() => lab.stop());
  faultTests(() => lab, Object.keys(postgresDrivers));
});
