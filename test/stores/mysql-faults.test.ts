import { after, before, describe } from "node:test";
import { needs } from "../servers/needs.ts";
import { faultTests } from "./sql/faults.ts";
import { startLab, type Lab } from "./sql/lab.ts";
import { fullDiskTests, strainTests } from "./sql/strain.ts";

describe("mysqlStore when MariaDB or the network fails", { skip: needs("mariadb") }, () => {
  let lab: Lab;
  before(async () => {
    lab = await startLab("mariadb");
    await lab.admin("CREATE USER reader IDENTIFIED BY 'sojourn'");
    await lab.admin("GRANT SELECT ON sojourn.* TO reader");
    // Those who administrate a server may write to one that is read-only.
    await lab.admin("CREATE USER writer IDENTIFIED BY 'sojourn'");
    await lab.admin("GRANT ALL ON sojourn.* TO writer");
  });
  after(() => lab.stop());
  const drivers = ["mysql2/promise", "mariadb"];
  faultTests(() => lab, drivers);
  strainTests(
    () => lab,
    drivers,
    () => ({
      user: "writer",
      async set(on) {
        await lab.admin(`SET GLOBAL read_only = ${on ? 1 : 0}`);
      },
    }),
  );
});

describe("mysqlStore when MariaDB's space is used up", { skip: needs("mariadb") }, () => {
  let lab: Lab;
  // One file for everything, which may not grow any further.
  const settings = ["--innodb-file-per-table=0", "--innodb-data-file-path=ibdata1:12M:autoextend:max:28M"];
  before(async () => void (lab = await startLab("mariadb", settings)));
  after(() => lab.stop());
  fullDiskTests(() => lab, ["mysql2/promise"], { fill: async () => {} });
});
