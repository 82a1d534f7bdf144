//! Every export's usual header is that export's and no other's.
use super::*;
use crate::sources::error::ReadError;
use crate::sources::header::{normalise, recognise};

/// Headers as they come, older generations too.
const USUAL: &[(Source, &str)] = &[
    (
        Source::PortalMailbox,
        "Id,Title,FirstName,LastName,DisplayName,MailboxType,MailboxLocation,User Policy Name,Status,EmailAddress,\
         Telephone,Mobile,Pager,Fax,Department,JobTitle,Notes,Mailbox Size (GB),CreatedOn,LastUpdated,LastLogIn,\
         UpdatedBy,UserPrincipalName,ODS Code,OrganisationName,OrganisationUnitName,Name of the Parent Organisation,\
         ExternalSyncId,AUPStatus,MarkAsLeaverDate,SiteName,Role,WorkArea,ClinicalSpeciality,DaysUntilRemoval,\
         AccountType,HideFromAddressList,User Mailbox Usage (Bytes),User Mailbox Usage (GB),\
         User Dumpster Usage (Bytes),User Dumpster Usage (GB),MSLiveEventsEnabled,MFAStatus",
    ),
    (
        Source::PortalMfa,
        "EmailAddress,OrganisationName,ODSCode,MFAStatus,MFAAuthenticationType,CompromisedStatus,WhenCompromised,\
         WhenRemediated,LastMarkedAsCompromised,LastRemediatedBy,UserCompromisedTally",
    ),
    (
        Source::EmailActivity,
        "Report Refresh Date,User Principal Name,Display Name,Is Deleted,Deleted Date,Last Activity Date,Send Count,\
         Receive Count,Read Count,Meeting Created Count,Meeting Interacted Count,Assigned Products,Report Period",
    ),
    (
        Source::MailboxUsage,
        "Report Refresh Date,User Principal Name,Display Name,Is Deleted,Deleted Date,Created Date,Last Activity Date,\
         Item Count,Storage Used (Byte),Issue Warning Quota (Byte),Prohibit Send Quota (Byte),\
         Prohibit Send/Receive Quota (Byte),Deleted Item Count,Deleted Item Size (Byte),Report Period",
    ),
    (
        Source::MailboxUsage,
        "Report Refresh Date,User Principal Name,Display Name,Is Deleted,Deleted Date,Created Date,Last Activity Date,\
         Item Count,Storage Used (Byte),Issue Warning Quota (Byte),Prohibit Send Quota (Byte),\
         Prohibit Send/Receive Quota (Byte),Deleted Item Count,Deleted Item Size (Byte),Deleted Item Quota (Byte),\
         Has Archive,Recipient Type,Report Period",
    ),
    (
        Source::ActiveUsers,
        "Report Refresh Date,User Principal Name,Display Name,Is Deleted,Deleted Date,Has Exchange License,\
         Has OneDrive License,Has SharePoint License,Has Skype For Business License,Has Yammer License,\
         Has Teams License,Exchange Last Activity Date,OneDrive Last Activity Date,SharePoint Last Activity Date,\
         Skype For Business Last Activity Date,Yammer Last Activity Date,Teams Last Activity Date,\
         Exchange License Assign Date,OneDrive License Assign Date,Assigned Products",
    ),
    (
        Source::AppUsers,
        "Report Refresh Date,User Principal Name,Last Activation Date,Last Activity Date,Report Period,Windows,Mac,\
         Mobile,Web,Outlook,Word,Excel,PowerPoint,OneNote,Teams,Outlook (Windows),Word (Windows)",
    ),
    (
        Source::EntraUsers,
        "userPrincipalName,displayName,surname,mail,givenName,objectId,userType,jobTitle,department,accountEnabled,\
         usageLocation,streetAddress,state,country,physicalDeliveryOfficeName,city,postalCode,telephoneNumber,mobile,\
         authenticationAlternativePhoneNumber,authenticationEmail,alternateEmailAddress,ageGroup",
    ),
    (
        Source::EntraUsers,
        "userPrincipalName,displayName,surname,mail,givenName,id,userType,jobTitle,department,accountEnabled,\
         usageLocation,streetAddress,state,country,officeLocation,city,postalCode,telephoneNumber,mobilePhone,\
         alternateEmailAddress,ageGroup,consentProvidedForMinor,legalAgeGroupClassification,companyName,creationType,\
         directorySynced,invitationState,identityIssuer,createdDateTime",
    ),
    (
        Source::ExchangeMailboxes,
        "DisplayName,PrimarySmtpAddress,UserPrincipalName,ExternalDirectoryObjectId,RecipientTypeDetails,\
         WhenMailboxCreated,GrantSendOnBehalfTo,EmailAddresses,AccountDisabled",
    ),
    (
        Source::ExchangeMailboxes,
        "ExternalDirectoryObjectId,UserPrincipalName,Alias,DisplayName,EmailAddresses,PrimarySmtpAddress,\
         RecipientType,RecipientTypeDetails,Identity,Id,ExchangeVersion,Name,DistinguishedName,Guid,WhenCreated,\
         SamAccountName",
    ),
    (
        Source::ExchangeStatistics,
        "UserPrincipalName,DisplayName,MailboxGuid,DeletedItemCount,ItemCount,TotalDeletedItemSize,TotalItemSize,\
         LastLogonTime,LastLogoffTime,LastUserActionTime,LastInteractionTime,LastLoggedOnUserAccount",
    ),
    (Source::ExchangeStatistics, "PrimarySmtpAddress,RecipientTypeDetails,LastUserActionTime"),
    (Source::ExchangePermissions, "Identity,User,AccessRights,IsInherited,Deny,InheritanceType"),
    (
        Source::ExchangePermissions,
        "PrimarySmtpAddress,Identity,Trustee,AccessControlType,AccessRights,IsInherited,InheritanceType",
    ),
    (
        Source::Sends,
        "PSComputerName,RunspaceId,PSShowComputerName,Organization,MessageId,Received,SenderAddress,RecipientAddress,\
         Subject,Status,ToIP,FromIP,Size,MessageTraceId,StartDate,EndDate,Index",
    ),
    (Source::Sends, "Received,SenderAddress,RecipientAddress,Subject,Status,FromIP,ToIP,Size,MessageId,MessageTraceId"),
    (Source::Sends, "Sent Time,Sent By,Sent From,Subject,Operation,Result,More Info"),
    (
        Source::Sends,
        "Date,Name,FolderPath,FolderId,FolderType,ItemsInFolder,OldestItemReceivedDate,NewestItemReceivedDate,Identity",
    ),
    (
        Source::Sends,
        "PSComputerName,RunspaceId,PSShowComputerName,RecordType,CreationDate,UserIds,Operations,AuditData,\
         ResultIndex,ResultCount,Identity,IsValid,ObjectState",
    ),
    (
        Source::Sends,
        "RecordId,CreationDate,RecordType,Operation,UserId,AuditData,AssociatedAdminUnits,AssociatedAdminUnitsNames",
    ),
    (
        Source::AdUsers,
        "DistinguishedName,EmailAddress,Enabled,GivenName,LastLogonDate,Name,ObjectClass,ObjectGUID,PasswordLastSet,\
         SamAccountName,SID,Surname,UserPrincipalName",
    ),
    (
        Source::AdUsers,
        "DN,objectClass,cn,sn,distinguishedName,whenCreated,displayName,userAccountControl,pwdLastSet,sAMAccountName,\
         userPrincipalName,lastLogonTimestamp,mail",
    ),
    (Source::SiteContacts, "ods_code,sector,site_name,shared_mailbox,address,role,alternate_address,administered_by"),
    (
        Source::Canonical,
        "source,as_of,id,address,upn,display_name,kind,status,ods,org_name,unit,parent,created_at,last_activity_at,\
         last_sent_at,last_password_change_at,password_never_expires,leaver_at,deleted_at,enabled,aup_accepted,mfa,\
         mobile_state,removal_in_days",
    ),
    (Source::Dspt, "ods_code,status,published_on"),
];

fn names(header: &str) -> Vec<String> {
    header.split(',').map(str::to_owned).collect()
}

/// Whose header it is, by every format that says so.
fn takers(header: &str) -> Vec<Source> {
    let keys: Vec<_> = names(header).iter().map(|name| normalise(name)).collect();
    let has = |key: &str| keys.iter().any(|other| other == key);
    ALL.iter().filter(|format| (format.recognises)(&has)).map(|format| format.source).collect()
}

#[test]
fn a_usual_header_is_recognised_by_its_own_format_and_by_no_other() {
    for (source, header) in USUAL {
        let is_read = ALL.iter().any(|format| format.source == *source);
        let expected: &[_] = if is_read { &[*source] } else { &[] };
        assert_eq!(takers(header), expected, "{header}");
    }
}

#[test]
fn every_format_has_its_usual_header_here() {
    // The one without a header is told by its first row.
    for format in ALL.iter().filter(|format| format.source != Source::OdsReport) {
        assert!(USUAL.iter().any(|(source, _)| *source == format.source), "{:?}", format.source);
    }
}

#[test]
fn what_lacks_an_address_is_refused_with_the_command_that_adds_it() {
    for (header, command) in [
        ("DisplayName,MailboxGuid,ItemCount,LastLogonTime,LastUserActionTime", "Get-EXOMailboxStatistics"),
        ("SamAccountName,Enabled,LastLogonDate", "Get-ADUser"),
    ] {
        let refusal = recognise(&ALL, &names(header), 2).map(|format| format.source).expect_err("refused");
        assert!(matches!(refusal, ReadError::Lacking { line: 2, .. }), "{refusal}");
        assert!(refusal.to_string().contains(command), "{refusal}");
    }
}
