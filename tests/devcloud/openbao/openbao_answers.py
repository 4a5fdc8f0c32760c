import subprocess,time,tempfile,requests,json,os,base64
d=tempfile.mkdtemp()
p=subprocess.Popen(["build/venv/bin/bao","server","-dev","-dev-listen-address=127.0.0.1:18299","-dev-root-token-id=root"],env={"HOME":d,"PATH":"/usr/bin:/bin"},stdout=open(d+"/log","w"),stderr=subprocess.STDOUT)
U="http://127.0.0.1:18299/v1/"
for i in range(100):
    try:
        if requests.get(U+"sys/health").status_code==200: break
    except Exception: pass
    time.sleep(.1)
def a(m,path,body=None,token="root",h={}):
    hh=dict(h)
    if token: hh["X-Vault-Token"]=token
    r=requests.request(m,U+path,data=None if body is None else (body if isinstance(body,str) else json.dumps(body)),headers=hh)
    print(m,path,json.dumps(body)[:150],"->",r.status_code,r.text.strip()[:900]); 
    try: return r.json()
    except Exception: return None
def b(x): return base64.b64encode(x).decode()
try:
    a("GET","sys/health",token=None); a("GET","sys/seal-status",token=None)
    a("POST","sys/mounts/transit",{"type":"transit"}); a("POST","sys/auth/approle",{"type":"approle"})
    a("POST","sys/mounts/transit",{"type":"transit"});a("POST","sys/auth/approle",{"type":"approle"}); a("POST","sys/auth/x1",{"type":"nope"})
    a("POST","transit/keys/k",{}); a("POST","transit/keys/k",{}); a("GET","transit/keys/k"); a("GET","transit/keys/none"); a("LIST","transit/keys")
    a("POST","transit/keys/cc",{"type":"chacha20-poly1305"}); a("POST","transit/keys/zz",{"type":"nope"})
    e=a("POST","transit/encrypt/k",{"plaintext":b(b"x"*32),"associated_data":b(b"ctx")})["data"]["ciphertext"]
    a("POST","transit/decrypt/k",{"ciphertext":e,"associated_data":b(b"ctx")})
    a("POST","transit/decrypt/k",{"ciphertext":e,"associated_data":b(b"other")})
    a("POST","transit/decrypt/k",{"ciphertext":e})
    a("POST","transit/decrypt/k",{"ciphertext":"garbage"}); a("POST","transit/decrypt/k",{"ciphertext":"vault:v1:!!!"}); a("POST","transit/decrypt/k",{"ciphertext":"vault:v1:AAAA"}); a("POST","transit/decrypt/k",{"ciphertext":"vault:vx:AAAA"}); a("POST","transit/decrypt/k",{"ciphertext":"vault:v7:"+b(b"x"*60)}); a("POST","transit/decrypt/k",{})
    a("POST","transit/decrypt/none",{"ciphertext":e}); a("POST","transit/decrypt/cc",{"ciphertext":e,"associated_data":b(b"ctx")})
    a("POST","transit/encrypt/k",{"plaintext":"!!"}); a("POST","transit/encrypt/k",{}); a("POST","transit/encrypt/k","not json"); a("POST","transit/encrypt/k",{"plaintext":b(b"x"),"associated_data":"!!"}); a("POST","transit/encrypt/k",{"plaintext":b(b"x"),"key_version":9})
    a("POST","transit/encrypt/made",{"plaintext":b(b"x")})
    a("POST","transit/keys/k/rotate"); a("POST","transit/keys/none/rotate")
    a("POST","transit/keys/k/config",{"min_decryption_version":2}); a("POST","transit/decrypt/k",{"ciphertext":e,"associated_data":b(b"ctx")}); a("GET","transit/keys/k")
    a("POST","transit/keys/k/config",{"min_decryption_version":9}); a("POST","transit/keys/k/config",{"min_encryption_version":1});a("POST","transit/keys/k/config",{"min_encryption_version":9}); a("POST","transit/keys/k/config",{"min_decryption_version":-1}); a("POST","transit/keys/none/config",{"deletion_allowed":True})
    a("POST","transit/keys/k/config",{"min_encryption_version":2}); a("POST","transit/encrypt/k",{"plaintext":b(b"x"),"key_version":1})
    a("DELETE","transit/keys/k"); a("DELETE","transit/keys/none"); a("POST","transit/keys/k/config",{"deletion_allowed":True}); a("DELETE","transit/keys/k"); a("GET","transit/keys/k")
    a("POST","sys/policies/acl/p",{"policy":json.dumps({"path":{"transit/encrypt/cc":{"capabilities":["update"]}}})}); a("POST","sys/policies/acl/bad",{"policy":"path {"}); a("POST","sys/policies/acl/bad",{"policy":json.dumps({"path":{"x":{"capabilities":["fly"]}}})}); a("GET","sys/policies/acl/p"); a("GET","sys/policies/acl/none"); a("LIST","sys/policies/acl")
    a("GET","sys/policy/p")
    a("POST","auth/approle/role/r",{"token_policies":["p"],"token_ttl":"5m","secret_id_num_uses":2,"secret_id_ttl":"1h"}); a("GET","auth/approle/role/r"); a("GET","auth/approle/role/none"); a("GET","auth/approle/role/none/role-id"); a("POST","auth/approle/role/none/secret-id",{})
    rid=a("GET","auth/approle/role/r/role-id")["data"]["role_id"]; s=a("POST","auth/approle/role/r/secret-id",{})["data"]
    L=lambda **k: a("POST","auth/approle/login",k,token=None)
    t=L(role_id=rid,secret_id=s["secret_id"])["auth"]["client_token"]; L(role_id=rid,secret_id=s["secret_id"]); L(role_id=rid,secret_id=s["secret_id"]); L(role_id="x",secret_id=s["secret_id"]); L(role_id=rid,secret_id="x"); L(role_id=rid); L(secret_id="x"); 
    a("POST","auth/approle/role/r/secret-id-accessor/lookup",{"secret_id_accessor":s["secret_id_accessor"]}); a("POST","auth/approle/role/r/secret-id/destroy",{"secret_id":"x"})
    a("LIST","auth/approle/role"); a("LIST","auth/approle/role/r/secret-id")
    a("GET","auth/token/lookup-self",token=t); a("POST","auth/token/renew-self",{},token=t); a("GET","transit/keys/cc",token=t); a("POST","transit/encrypt/cc",{"plaintext":b(b"x")},token=t); a("POST","auth/token/revoke-self",token=t); a("GET","auth/token/lookup-self",token=t); a("GET","auth/token/lookup-self",token=None); a("POST","transit/encrypt/cc",{"plaintext":b(b"x")},token="s.bogus"); a("POST","auth/token/lookup",{"token":"x"}); a("POST","auth/token/revoke",{"token":"x"}); a("POST","auth/token/renew-self",{},token="root")
    a("POST","auth/token/create",{"policies":["p"],"ttl":"1m"})
    a("GET","nope/x"); a("GET","transit/nope"); a("GET","transit/encrypt/cc"); a("GET","sys/health",h={"X-Vault-Namespace":"nsx"}); a("GET","transit/keys/cc",h={"X-Vault-Namespace":"nsx"}); a("PATCH","transit/keys/cc",{})
    a("DELETE","auth/approle/role/r"); a("DELETE","sys/policies/acl/p"); a("DELETE","sys/policies/acl/none"); a("DELETE","sys/policies/acl/root"); a("DELETE","transit/keys/cc/soft-delete"); 
    a("DELETE","sys/auth/approle"); L(role_id=rid,secret_id=s["secret_id"])
finally: p.kill()
