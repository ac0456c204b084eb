// TUF's client in JavaScript: fetch one target, verified, and print its bytes. node fetch.js URL FOLDER PATH
const fs = require("fs");
const { Updater } = require("tuf-js");

async function main([url, folder, path]) {
  const updater = new Updater({
    metadataBaseUrl: `${url}/metadata`,
    metadataDir: `${folder}/metadata`,
    targetBaseUrl: `${url}/targets`,
    targetDir: `${folder}/targets`,
  });
  await updater.refresh();
  const info = await updater.getTargetInfo(path);
  if (!info) throw new Error(`${path} is not published`);
  process.stdout.write(fs.readFileSync(await updater.downloadTarget(info)));
}

main(process.argv.slice(2)).catch((error) => {
  console.error(`${error.name}: ${error.message}`);
  process.exit(1);
});
