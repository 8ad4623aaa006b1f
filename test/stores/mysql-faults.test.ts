import { after, before, describe } from "node:test";
import { needs } from "../servers/needs.ts";
import { faultTests } from "./sql/faults.ts";
import { startLab, type Lab } from "./sql/lab.ts";

describe("mysqlStore when MariaDB or the network fails", { skip: needs("mariadb") }, () => {
  let lab: Lab;
  before(async () => {
    lab = await startLab("mariadb");
    await lab.admin("CREATE USER reader IDENTIFIED BY 'sojourn'");
    await lab.admin("GRANT SELECT ON sojourn.* TO reader");
  });
  after(() => lab.stop());
  faultTests(() => lab, ["mysql2/promise", "mariadb"]);
});
