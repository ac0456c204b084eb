"use strict";

// Signing a ballot with the wallet in this browser (EIP-1193, found by EIP-6963 too). The key stays in the
// wallet: what comes back is a signature, which the form hands in like one that was pasted.

(function () {
  const box = document.querySelector("[data-wallet]");
  const source = document.getElementById("wallet-ballot");
  if (!box || !source) return;
  const ballot = JSON.parse(source.textContent);
  const connect = box.querySelector("[data-connect]");
  const review = box.querySelector("[data-review]");
  const sign = box.querySelector("[data-sign]");
  const status = box.querySelector("[data-status]");
  const REJECTED = 4001; // EIP-1193: the user said no
  let wallet = window.ethereum || null;
  let account = null;

  function say(text) { status.textContent = text; }

  function complain(error) {
    if (error && error.code === REJECTED) say(box.dataset.refused);
    else say(box.dataset.failed + " " + ((error && error.message) || error));
  }

  function ready() {
    if (!wallet) return;
    connect.hidden = false;
    say("");
  }

  window.addEventListener("eip6963:announceProvider", function (event) {
    if (!wallet) wallet = event.detail.provider;
    ready();
  });
  window.dispatchEvent(new Event("eip6963:requestProvider"));
  if (wallet) ready();
  else say(box.dataset.none);

  connect.addEventListener("click", function () {
    connect.disabled = true;
    say(box.dataset.waiting);
    wallet.request({ method: "eth_requestAccounts" }).then(function (accounts) {
      const ours = box.dataset.voter.toLowerCase();
      account = accounts.find(function (offered) { return offered.toLowerCase() === ours; }) || null;
      if (account === null) {
        say(box.dataset.other.replace("%(account)s", accounts.join(", ")).replace("%(voter)s", box.dataset.voter));
        return;
      }
      connect.hidden = true;
      review.hidden = false;
      say("");
      sign.focus();
    }).catch(complain).finally(function () { connect.disabled = false; });
  });

  sign.addEventListener("click", function () {
    sign.disabled = true;
    say(box.dataset.waiting);
    wallet.request({ method: "eth_signTypedData_v4", params: [account, JSON.stringify(ballot)] })
      .then(function (signature) {
        if (!/^0x[0-9a-fA-F]{128,130}$/.test(signature)) {
          say(box.dataset.odd);
          return;
        }
        say(box.dataset.sending);
        sign.form.elements.namedItem("signature").value = signature;
        sign.form.submit();
      })
      .catch(complain)
      .finally(function () { sign.disabled = false; });
  });
})();
